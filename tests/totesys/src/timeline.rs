//! When orders happen and in which order they share the transactions.
//!
//! Every order is an event, and event `n` (from 0) is transaction `n + 1`. Sales and purchases take turns as evenly as
//! their numbers allow, by whole-number arithmetic that can be turned round: from an order to its event and back. So
//! any row of any table can be computed alone.

use crate::calendar::{self, Instant, WORKING_MS};
use crate::random::Random;

/// Orders that came with the opening, within two milliseconds.
const OPENING_EVENTS: u64 = 10;
/// How far an event lies behind the one before it at most; a transaction lags 2 ms more, which makes 18.
const BACK_MS_MAX: u64 = 16;
/// One event in so many comes together with the one before it.
const TOGETHER_ONE_IN: u64 = 16;
/// One event in so many falls on a whole second, so that its timestamp has no fraction.
const WHOLE_SECOND_ONE_IN: u64 = 500;
/// The purpose of an event's random numbers, beside the tables'.
const PURPOSE: u64 = 16;

/// The order that an event is about, by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrderId {
    /// A sales order.
    Sale(u64),
    /// A purchase order.
    Purchase(u64),
}

/// All events of a database with so many orders of each kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeline {
    seed: u64,
    sales: u64,
    purchases: u64,
}

impl Timeline {
    pub(crate) fn new(seed: u64, sales: u64, purchases: u64) -> Self {
        Self { seed, sales, purchases }
    }

    /// How many events there are; one more, a sales order deleted since, can be asked for.
    pub(crate) fn events(self) -> u64 {
        self.sales + self.purchases
    }

    /// The order of an event.
    pub(crate) fn order(self, event: u64) -> OrderId {
        if event >= self.events() {
            return OrderId::Sale(self.sales + 1);
        }
        let (before, after) = (self.sales_before(event), self.sales_before(event + 1));
        if after > before { OrderId::Sale(after) } else { OrderId::Purchase(event + 1 - after) }
    }

    /// The event of an order.
    pub(crate) fn event(self, order: OrderId) -> u64 {
        match order {
            OrderId::Sale(id) if id > self.sales => self.events(),
            OrderId::Sale(id) => (id * self.events()).div_ceil(self.sales).saturating_sub(1),
            OrderId::Purchase(id) => id.saturating_sub(1) * self.events() / self.purchases.max(1),
        }
    }

    fn sales_before(self, event: u64) -> u64 {
        event * self.sales / self.events().max(1)
    }

    /// When an event happened, in working time since the first order.
    pub(crate) fn working_ms(self, event: u64) -> u64 {
        let mut random = Random::of(self.seed, PURPOSE, event);
        if event < OPENING_EVENTS {
            return random.below(3);
        }
        if random.below(TOGETHER_ONE_IN) == 0 {
            let before = self.own_working_ms(event - 1);
            return before - calendar::back_within_day(before, random.below(BACK_MS_MAX + 1));
        }
        self.own_working_ms(event)
    }

    /// When an event happened.
    pub(crate) fn instant(self, event: u64) -> Instant {
        calendar::working_instant(self.working_ms(event))
    }

    /// The time of an event if it came by itself: anywhere in its own equal share of the working time.
    fn own_working_ms(self, event: u64) -> u64 {
        let (start, end) = (self.share_start(event), self.share_start(event + 1));
        let mut random = Random::of(self.seed, PURPOSE + 1, event);
        let at = start + random.below(end - start);
        if random.below(WHOLE_SECOND_ONE_IN) == 0 {
            let whole = at + calendar::ms_to_whole_second(at);
            if whole < end {
                return whole;
            }
        }
        at
    }

    fn share_start(self, event: u64) -> u64 {
        // In 128 bits, because two billion events times the milliseconds of two years pass 64.
        (u128::from(event) * u128::from(WORKING_MS) / u128::from(self.events() + 1)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_and_orders_are_one_to_one() {
        for (sales, purchases) in [(11_187, 4_649), (1, 0), (3, 1), (5, 5), (0, 4)] {
            let timeline = Timeline::new(1, sales, purchases);
            let (mut next_sale, mut next_purchase) = (1, 1);
            for event in 0..timeline.events() {
                let order = timeline.order(event);
                match order {
                    OrderId::Sale(id) => {
                        assert_eq!(next_sale, id);
                        next_sale += 1;
                    }
                    OrderId::Purchase(id) => {
                        assert_eq!(next_purchase, id);
                        next_purchase += 1;
                    }
                }
                assert_eq!(event, timeline.event(order));
            }
            assert_eq!((sales + 1, purchases + 1), (next_sale, next_purchase));
            assert_eq!(timeline.events(), timeline.event(timeline.order(timeline.events())));
        }
    }

    #[test]
    fn events_run_back_by_some_milliseconds_at_most() {
        for sales in [11_187, 2_000_000] {
            let timeline = Timeline::new(7, sales, sales / 3);
            let (mut newest, mut back_ms) = (timeline.instant(0), Vec::new());
            for event in 1..20_000.min(timeline.events()) {
                let instant = timeline.instant(event);
                if instant < newest {
                    assert!(newest <= instant.plus_ms(BACK_MS_MAX), "event {event}");
                    back_ms.push(instant);
                }
                newest = newest.max(instant);
            }
            assert!(back_ms.len() > 100);
        }
    }

    #[test]
    fn the_last_event_of_the_largest_database_is_in_time() {
        let timeline = Timeline::new(1, 1_500_000_000, 600_000_000);
        assert!(timeline.instant(timeline.events()) <= Instant::end(0));
    }
}
