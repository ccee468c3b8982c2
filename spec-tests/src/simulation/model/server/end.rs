//! What is still due when all is quiet.

use mqtt_session::codec::QoS;

use super::super::Model;
use super::Dropped;
use crate::simulation::plan::{Direction, MATCHES, TOPICS};
use crate::simulation::{Violation, check};

impl Model {
    pub(in super::super) fn finish_session(&self, client: usize) -> Result<(), Violation> {
        let session = &self.server.sessions[client];
        let Some(wire) = session.connection else { return Ok(()) };
        check(session.exchanges.is_empty(), || {
            format!("the Server still waits for C{client}: {:?}", session.exchanges)
        })?;
        let mut dropped = session.dropped;
        for due in &session.due {
            if due.has_expired(self.now) {
                continue;
            }
            let limits = self.wires[wire].limits[Direction::Down as usize];
            if self.may_exceed(due.number, limits) {
                dropped.large += 1;
            } else {
                dropped.queued += 1;
            }
            dropped.check().map_err(|violation| {
                violation.context(&format!("#{} to C{client} at the end", due.number))
            })?;
        }
        for (topic, name) in TOPICS.iter().enumerate() {
            let due = session.walks.iter().filter(|walk| {
                !walk.is_stopped
                    && MATCHES[usize::from(walk.filter)][topic]
                    && walk.at_first[topic].is_some_and(|number| {
                        let publication = &self.publications[number as usize];
                        let routing = &self.server.routing[number as usize];
                        let is_lossy = walk.qos.min(publication.qos) == QoS::AtMostOnce;
                        !(session.has_lost_unseen && is_lossy)
                            && routing.retained.1 == u64::MAX
                            && routing.expires_at.is_none()
                            && !(walk.no_local && publication.publisher == Some(client))
                    })
            });
            let (got, due) = (session.retained[topic], due.count());
            check(got >= due || dropped.too_large > 0, || {
                format!("C{client} has got {got} retained messages of {name} instead of {due}")
            })?;
        }
        Ok(())
    }

    pub(in super::super) fn finish_shared(&self) -> Result<(), Violation> {
        let dropped = self.server.sessions.iter().any(|session| {
            let Dropped { queue_full, too_large, .. } = session.dropped;
            queue_full + too_large > 0
        });
        for shared in &self.server.shared {
            let publication = &self.publications[shared.number as usize];
            let may_be_lost = publication.qos == QoS::AtMostOnce
                || shared.is_uncertain
                || dropped
                || self.server.routing[shared.number as usize].expires_at.is_some();
            check(may_be_lost || shared.started > 0, || {
                format!("#{} has gone to no member of its group", shared.number)
            })?;
        }
        Ok(())
    }
}
