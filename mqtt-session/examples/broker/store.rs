//! The state of the broker in a file, kept by `redb`.
//!
//! The broker tells what changes, record by record; here the records are the rows of one table. A thread of its own stores
//! what has come together since it stored last, in one transaction of the database: the slower the disk, the larger the
//! transactions.

use std::error::Error;
use std::path::Path;

use mqtt_session::{AllowAll, Broker, BrokerConfig, Change, Instant, Persist, PersistSeq};
use redb::{Database, ReadableTable, TableDefinition, WriteTransaction};

const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("mqtt records 1");

pub(crate) struct Store(Database);

impl Store {
    /// Opens the file, or creates it.
    pub(crate) fn open(path: &Path) -> Result<Self, Box<dyn Error>> {
        let database = Database::create(path)?;
        let transaction = database.begin_write()?;
        transaction.open_table(RECORDS)?;
        transaction.commit()?;
        Ok(Self(database))
    }

    /// The broker whose state is in the file.
    pub(crate) fn restore(&self, now: Instant, config: BrokerConfig) -> Result<Broker, Box<dyn Error>> {
        let table = self.0.begin_read()?.open_table(RECORDS)?;
        let mut failure = None;
        let records = table.range::<&[u8]>(..)?.map_while(|record| match record {
            Ok((key, value)) => Some((key.value().to_vec(), value.value().to_vec())),
            Err(error) => {
                failure = Some(error);
                None
            }
        });
        let broker = Broker::restore(now, config, AllowAll, records)?;
        match failure {
            Some(error) => Err(error.into()),
            None => Ok(broker),
        }
    }

    /// Stores transactions, in their order; the number of the last one. They are on the disk when this returns.
    pub(crate) fn store(&self, transactions: &[Persist]) -> Result<Option<PersistSeq>, Box<dyn Error>> {
        let transaction = self.0.begin_write()?;
        for change in transactions.iter().flat_map(|persist| &persist.changes) {
            apply(&transaction, change)?;
        }
        transaction.commit()?;
        Ok(transactions.last().map(|persist| persist.seq))
    }
}

fn apply(transaction: &WriteTransaction, change: &Change) -> Result<(), Box<dyn Error>> {
    let mut table = transaction.open_table(RECORDS)?;
    match change {
        Change::Put { key, value } => {
            let [head, body] = value.parts();
            let mut place = table.insert_reserve(&key[..], u32::try_from(value.len())?)?;
            let (first, second) = place.as_mut().split_at_mut(head.len());
            first.copy_from_slice(head);
            second.copy_from_slice(body);
        }
        Change::Remove { key } => {
            table.remove(&key[..])?;
        }
        Change::RemoveAll { prefix } => {
            let keys = table.range(&prefix[..]..)?.map_while(|record| match record {
                Ok((key, _)) => key.value().starts_with(prefix).then(|| Ok(key.value().to_vec())),
                Err(error) => Some(Err(error)),
            });
            for key in keys.collect::<Result<Vec<_>, _>>()? {
                table.remove(&key[..])?;
            }
        }
    }
    Ok(())
}
