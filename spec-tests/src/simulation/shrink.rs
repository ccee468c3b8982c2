//! Makes a plan that fails as small as it gets.

use super::plan::{BrokerPlan, ClientPlan, Operation, Plan, Step};

/// The smallest plan found for which `fails` still holds, as it does for `plan`: steps are left out, waits and operations
/// made simpler, limits made wide.
pub fn shrink(plan: &Plan, mut fails: impl FnMut(&Plan) -> bool) -> Plan {
    let mut plan = plan.clone();
    loop {
        let before = (plan.steps.len(), weight(&plan));
        leave_steps_out(&mut plan, &mut fails);
        leave_clients_out(&mut plan, &mut fails);
        simplify(&mut plan, &mut fails);
        if (plan.steps.len(), weight(&plan)) == before {
            return plan;
        }
    }
}

fn weight(plan: &Plan) -> u64 {
    plan.steps.iter().map(|step| u64::from(step.wait)).sum()
}

/// Chunks first, single steps last (delta debugging).
fn leave_steps_out(plan: &mut Plan, fails: &mut impl FnMut(&Plan) -> bool) {
    let mut chunk = plan.steps.len().div_ceil(2).max(1);
    loop {
        let mut at = 0;
        while at < plan.steps.len() {
            let mut smaller = plan.clone();
            smaller.steps.drain(at..(at + chunk).min(plan.steps.len()));
            if fails(&smaller) {
                *plan = smaller;
            } else {
                at += chunk;
            }
        }
        if chunk == 1 {
            return;
        }
        chunk = chunk.div_ceil(2);
    }
}

/// The last Client, if nothing happens to it.
fn leave_clients_out(plan: &mut Plan, fails: &mut impl FnMut(&Plan) -> bool) {
    while plan.clients.len() > 1
        && plan.steps.iter().all(|step| usize::from(step.client) + 1 < plan.clients.len())
    {
        let mut smaller = plan.clone();
        smaller.clients.pop();
        if !fails(&smaller) {
            return;
        }
        *plan = smaller;
    }
}

fn simplify(plan: &mut Plan, fails: &mut impl FnMut(&Plan) -> bool) {
    let mut attempt = |plan: &mut Plan, change: &mut dyn FnMut(&mut Plan)| {
        let mut simpler = plan.clone();
        change(&mut simpler);
        if fails(&simpler) {
            *plan = simpler;
        }
    };
    attempt(plan, &mut |plan| plan.has_narrow_links = false);
    let BrokerPlan { durable, store_delay, .. } = plan.broker;
    attempt(plan, &mut |plan| plan.broker = BrokerPlan { durable, store_delay, ..BrokerPlan::WIDE });
    for client in 0..plan.clients.len() {
        let ClientPlan { version, durable, store_delay, .. } = plan.clients[client];
        let wide = ClientPlan { durable, store_delay, ..ClientPlan::persistent(version) };
        attempt(plan, &mut |plan| plan.clients[client] = wide);
        attempt(plan, &mut |plan| plan.clients[client].will = None);
        attempt(plan, &mut |plan| plan.clients[client].keep_alive = 0);
    }
    for index in 0..plan.steps.len() {
        for simpler in simpler_steps(plan.steps[index]) {
            if simpler != plan.steps[index] {
                attempt(plan, &mut |plan| plan.steps[index] = simpler);
            }
        }
    }
}

fn simpler_steps(step: Step) -> impl Iterator<Item = Step> {
    let operation = match step.operation {
        Operation::Publish { topic, qos, .. } => {
            Operation::Publish { topic, qos, retain: false, expiry: None, size: 8 }
        }
        Operation::Subscribe { filter, qos, .. } => {
            Operation::Subscribe { filter, qos, no_local: false, retained: false }
        }
        Operation::CutAfter { .. } | Operation::ClientLeaves { .. } | Operation::ServerLeaves { .. } => {
            Operation::Cut
        }
        other => other,
    };
    [Step { wait: 0, ..step }, Step { wait: step.wait / 2, ..step }, Step { operation, ..step }].into_iter()
}
