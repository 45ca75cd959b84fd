//! What is new in the store since the last look.
//!
//! The newest number of an order says which orders are new. An order that is under way, or whose samples
//! aren't all stored, is looked at again; of its runs those of the last places; of these the samples
//! beyond those that were told. So a look costs as much as there is under way.

use std::collections::{BTreeMap, HashMap};

use model::{Attempt, Position, Timestamp};
use store::{Beyond, OrderSummary, RunRow, RunsFrom, Store, StoredSample};

use super::seqs::Seqs;

/// Orders whose numbers are so near to the newest are looked at again: on a server a lower number may be
/// seen later.
const MARGIN: i64 = 16;
/// Looks at an ended order whose samples never become complete, before it is given up.
const PATIENCE: u32 = 240;
/// Looks at an ended run without a new sample, before it is given up.
const QUIET: u32 = 120;
/// Samples that are read at once; the rest comes with the next look.
const AT_ONCE: u32 = 4096;
/// How far behind the last sample one may come, microseconds: so a server looks into few chunks.
const BEHIND_US: i64 = 600_000_000;

type Place = (Position, Attempt);

/// Something new.
#[derive(Debug)]
pub(crate) enum News {
    /// An order is new, or stands otherwise.
    Order(Box<OrderSummary>),
    /// A run began, or is known better.
    Run(Box<OrderSummary>, Box<RunRow>),
    /// Samples of a run.
    Samples(Box<OrderSummary>, Box<RunRow>, Vec<StoredSample>),
}

/// What has been told.
pub(crate) struct Reader {
    store: Store,
    newest: i64,
    orders: HashMap<i64, Order>,
}

struct Order {
    summary: OrderSummary,
    runs: BTreeMap<Place, Told>,
    /// From which place on runs are looked at.
    from: Position,
    /// Looks since it ended.
    looks: u32,
}

/// What has been told of a run.
struct Told {
    run: RunRow,
    seqs: Seqs,
    last: Option<Timestamp>,
    /// Looks without a sample since it ended.
    quiet: u32,
}

impl Reader {
    /// Notes what stands now, so that only what comes after is news.
    pub(crate) async fn begin(store: Store) -> Result<Self, store::Error> {
        let newest = store.newest_order().await?;
        let mut reader = Self {
            store,
            newest,
            orders: HashMap::new(),
        };
        let orders = reader
            .store
            .summaries_to_watch(newest - MARGIN, &[])
            .await?;
        for summary in orders {
            reader.newest = reader.newest.max(summary.order.id);
            let from = summary.position.map_or(summary.done, |position| position.0);
            reader.orders.insert(
                summary.order.id,
                Order::new(summary, Position(from.saturating_sub(1))),
            );
        }
        for (number, run) in reader.runs().await? {
            if let Some(order) = reader.orders.get_mut(&number) {
                order.told(run);
            }
        }
        let highest = reader.store.highest_samples(&reader.beyond()).await?;
        for (number, position, attempt, seq) in highest {
            if let Some(told) = reader.told(number, (position, attempt)) {
                told.seqs = Seqs::up_to(seq);
            }
        }
        let mut left = reader.samples().await?;
        while !left.is_empty() {
            left = reader.samples().await?;
        }
        Ok(reader)
    }

    /// What is new since. Orders that ended come last: all that was stored by then is told before.
    pub(crate) async fn look(&mut self) -> Result<Vec<News>, store::Error> {
        let mut news = Vec::new();
        let mut ends = Vec::new();
        let known: Vec<i64> = self.orders.keys().copied().take(500).collect();
        let orders = self
            .store
            .summaries_to_watch(self.newest - MARGIN, &known)
            .await?;
        for summary in orders.into_iter().rev() {
            if self.stands(&summary) {
                let to = if summary.order.status.is_final() {
                    &mut ends
                } else {
                    &mut news
                };
                to.push(News::Order(Box::new(summary)));
            }
        }
        for (number, run) in self.runs().await? {
            if let Some(order) = self.orders.get_mut(&number)
                && order.told(run.clone())
            {
                news.push(News::Run(Box::new(order.summary.clone()), Box::new(run)));
            }
        }
        news.extend(self.samples().await?);
        news.extend(ends);
        self.forget();
        Ok(news)
    }

    /// Notes how an order stands; whether that is new.
    fn stands(&mut self, summary: &OrderSummary) -> bool {
        self.newest = self.newest.max(summary.order.id);
        match self.orders.get_mut(&summary.order.id) {
            Some(order) if order.summary == *summary => false,
            Some(order) => {
                order.summary = summary.clone();
                true
            }
            None => {
                self.orders
                    .insert(summary.order.id, Order::new(summary.clone(), Position(0)));
                true
            }
        }
    }

    /// The runs of the orders under way.
    async fn runs(&self) -> Result<Vec<(i64, RunRow)>, store::Error> {
        let begun = self.orders.iter().filter(|(_, order)| order.is_begun());
        let wanted: Vec<_> = begun
            .map(|(number, order)| RunsFrom {
                order: *number,
                position: order.from,
            })
            .collect();
        self.store.runs_from(&wanted).await
    }

    fn beyond(&self) -> Vec<Beyond> {
        let mut wanted = Vec::new();
        for (number, order) in &self.orders {
            for ((position, attempt), told) in &order.runs {
                if told.quiet < QUIET {
                    wanted.push(Beyond {
                        order: *number,
                        position: *position,
                        attempt: *attempt,
                        seq: told.seqs.beyond(),
                        since: told.since(),
                    });
                }
            }
        }
        wanted.sort_by_key(|one| (one.order, one.position, one.attempt));
        wanted
    }

    /// The new samples.
    async fn samples(&mut self) -> Result<Vec<News>, store::Error> {
        let wanted = self.beyond();
        let found = self.store.samples_beyond(&wanted, AT_ONCE).await?;
        let mut by_run: BTreeMap<(i64, Place), Vec<StoredSample>> = BTreeMap::new();
        for new in found {
            let place = (new.position, new.attempt);
            if let Some(told) = self.told(new.order, place)
                && told.seqs.insert(new.sample.seq)
            {
                told.last = told.last.max(Some(new.sample.time));
                by_run
                    .entry((new.order, place))
                    .or_default()
                    .push(new.sample);
            }
        }
        for one in wanted {
            let place = (one.position, one.attempt);
            let is_quiet = !by_run.contains_key(&(one.order, place));
            if let Some(told) = self.told(one.order, place) {
                let ended = told.run.reason.is_some();
                told.quiet = if is_quiet && ended { told.quiet + 1 } else { 0 };
            }
        }
        let mut news = Vec::new();
        for ((number, place), samples) in by_run {
            if let Some(order) = self.orders.get(&number)
                && let Some(told) = order.runs.get(&place)
            {
                let (summary, run) = (order.summary.clone(), told.run.clone());
                news.push(News::Samples(Box::new(summary), Box::new(run), samples));
            }
        }
        Ok(news)
    }

    fn told(&mut self, number: i64, place: Place) -> Option<&mut Told> {
        self.orders.get_mut(&number)?.runs.get_mut(&place)
    }

    /// Forgets orders that nothing more comes of.
    fn forget(&mut self) {
        let near = self.newest - MARGIN;
        self.orders.retain(|number, order| {
            if !order.summary.order.status.is_final() {
                return true;
            }
            order.looks += 1;
            let complete = order.summary.order.storing_complete && order.looks > 4;
            if complete || order.looks > PATIENCE {
                order.runs.clear();
                order.looks = PATIENCE;
                return *number > near;
            }
            true
        });
    }
}

impl Order {
    fn new(summary: OrderSummary, from: Position) -> Self {
        Self {
            summary,
            runs: BTreeMap::new(),
            from,
            looks: 0,
        }
    }

    /// Whether it may have runs that are news.
    fn is_begun(&self) -> bool {
        self.summary.order.status != model::Status::Queued && self.looks < PATIENCE
    }

    /// Notes a run; whether it is new or known better.
    fn told(&mut self, run: RunRow) -> bool {
        let place = (run.position, run.attempt);
        if let Some(told) = self.runs.get_mut(&place) {
            let is_new = told.run != run;
            told.run = run;
            return is_new;
        }
        let before = Position(place.0.0.saturating_sub(1));
        self.from = self.from.max(before);
        // Those of earlier places are kept as long as samples of them come.
        let from = self.from;
        self.runs
            .retain(|(position, _), told| *position >= from || told.quiet < QUIET);
        self.runs.insert(
            place,
            Told {
                run,
                seqs: Seqs::default(),
                last: None,
                quiet: 0,
            },
        );
        true
    }
}

impl Told {
    /// No new sample is earlier.
    fn since(&self) -> Timestamp {
        let seen = self.last.or(self.run.started_at);
        seen.map_or(Timestamp(i64::MIN), |time| {
            Timestamp(time.0.saturating_sub(BEHIND_US))
        })
    }
}
