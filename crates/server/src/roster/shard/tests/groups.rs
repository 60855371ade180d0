//! What is broadcast to a group.

use super::*;

const NAMES: [&str; 3] = ["tea", "milk", "cake"];

/// One who is here, what it is to hear, and in which groups it is.
struct Present {
    id: ClientId,
    guest: Guest,
    expected: Vec<String>,
    is_in: [bool; NAMES.len()],
}

/// To those of a group of a single worker that are in `only`, if there is such, and not in `except`.
fn of(group: &str, only: Option<&[ClientId]>, except: &[ClientId]) -> Option<Audience> {
    let mut choice = Choice::of(group.into());
    if let Some(only) = only {
        choice.only(only.iter().copied());
    }
    choice.except(except.iter().copied());
    choice.split(1).take(0)
}

fn tell(shard: &Arc<Shard<Guest>>, group: &str, text: &str) {
    let audience = of(group, None, &[]).unwrap();
    shard.give(Delivery::new(audience, text.to_owned().into(), None));
}

fn carry_out(shard: &Arc<Shard<Guest>>) -> usize {
    let mut steps = 0;
    while shard.is_behind.load(Ordering::Relaxed) {
        Order::step(Arc::clone(shard));
        steps += 1;
    }
    steps
}

#[test]
fn a_group_costs_what_it_has_members_however_many_there_are() {
    let (stuck, sizes) = (Stuck::new(), GroupSizes::default());
    for (all, members) in [(10, 10), (100_000, 10), (1000, 2 * STEP + 1)] {
        let shard = stuck.shard();
        let guests = room(&shard, all);
        let inside = || guests.iter().step_by(all / members).take(members);
        for (id, _) in inside() {
            shard.join_group(*id, "tea", &sizes).unwrap();
        }
        tell(&shard, "tea", "inside");
        tell(&shard, "nobody's", "to no one");
        assert_eq!(carry_out(&shard), members.div_ceil(STEP) + 1, "{members} of {all}");
        assert!(inside().all(|(_, guest)| guest.heard() == ["inside"]));
        let mut outside = guests.iter().filter(|(id, _)| !shard.is_in_group(*id, "tea"));
        assert!(outside.all(|(_, guest)| !guest.is_told()));
    }
}

#[test]
fn broadcasts_to_a_group_that_come_right_after_each_other_are_carried_out_together() {
    let (stuck, sizes) = (Stuck::new(), GroupSizes::default());
    let shard = stuck.shard();
    let [first, second] = [1, 2].map(|number| (id(number), join(&shard, id(number))));
    shard.join_group(first.0, "tea", &sizes).unwrap();
    // Each by its own handle to the group.
    tell(&shard, "tea", "one");
    shard.join_group(second.0, "tea", &sizes).unwrap();
    tell(&shard, "tea", "two");
    assert_eq!(carry_out(&shard), 1);
    assert_eq!(first.1.heard(), ["one", "two"]);
    assert_eq!(second.1.heard(), ["two"]);
}

#[test]
fn each_hears_in_order_and_once_what_was_said_in_its_groups_while_it_was_in_them() {
    let stuck = Stuck::new();
    for seed in 0..300 {
        let (mut dice, shard, sizes) = (Dice(seed), stuck.shard(), GroupSizes::default());
        let mut here: Vec<Present> = Vec::new();
        let (mut left, mut counts) = (Vec::new(), Vec::new());
        let usual = 1 + dice.below(3 * STEP);
        for number in 0..600_u64 {
            let text = number.to_string();
            let act = if number < usual as u64 { 0 } else { dice.below(16) };
            let (group, any) = (dice.below(NAMES.len()), dice.below(here.len().max(1)));
            match act {
                0 => {
                    let mut present = Present {
                        id: id(number),
                        guest: join(&shard, id(number)),
                        expected: vec![],
                        is_in: [false; NAMES.len()],
                    };
                    if dice.below(2) == 0 {
                        present.is_in[group] = true;
                        shard.join_group(id(number), NAMES[group], &sizes).unwrap();
                    }
                    here.push(present);
                }
                _ if here.is_empty() => {}
                1 => {
                    let gone = here.swap_remove(any);
                    let mut groups = shard.leave(gone.id, &sizes);
                    groups.sort_unstable();
                    let mut expected: Vec<_> =
                        (0..NAMES.len()).filter(|it| gone.is_in[*it]).map(|it| NAMES[it]).collect();
                    expected.sort_unstable();
                    assert!(groups.iter().map(|name| &**name).eq(expected));
                    left.push(gone);
                }
                2..=4 => {
                    shard.join_group(here[any].id, NAMES[group], &sizes).unwrap();
                    here[any].is_in[group] = true;
                }
                5..=7 => {
                    let was_in = shard.leave_group(here[any].id, NAMES[group], &sizes);
                    assert_eq!(was_in, here[any].is_in[group]);
                    here[any].is_in[group] = false;
                }
                8 => {
                    send(&shard, here[any].id, &here[any].guest, text.clone());
                    here[any].expected.push(text);
                }
                9 => {
                    give(&shard, text.clone());
                    here.iter_mut().for_each(|it| it.expected.push(text.clone()));
                }
                10..=13 => {
                    let (many, most) = (dice.below(here.len() + 1), dice.below(4));
                    let some: Vec<_> = here.iter().map(|it| it.id).take(many).collect();
                    let Some(audience) = (match most {
                        0 | 1 => of(NAMES[group], None, &[]),
                        2 => of(NAMES[group], None, &some),
                        _ => of(NAMES[group], Some(&some), &[]),
                    }) else {
                        continue;
                    };
                    let mut meant = 0;
                    let chosen = audience.chosen.clone();
                    for it in here.iter_mut().filter(|it| it.is_in[group] && chosen.includes(it.id))
                    {
                        it.expected.push(text.clone());
                        meant += 1;
                    }
                    let count = (dice.below(2) == 0).then(|| Arc::new(DeliveryCount::new()));
                    let expected = count.as_ref().map(DeliveryCount::expect_one);
                    shard.give(Delivery::new(audience, text.into(), expected));
                    counts.extend(count.map(|count| {
                        assert!(count.done_with_one().is_none());
                        (count, meant)
                    }));
                }
                _ => _ = Order::step(Arc::clone(&shard)),
            }
            for (group, name) in NAMES.iter().enumerate() {
                let size = here.iter().filter(|it| it.is_in[group]).count();
                assert_eq!(sizes.size(name), size);
                assert_eq!(shard.group_members(name).len(), size);
                assert_eq!(shard.has_group(name), size > 0);
            }
        }
        carry_out(&shard);
        for Present { guest, expected, .. } in here.iter().chain(&left) {
            assert_eq!(guest.heard(), *expected, "{seed}");
            guest.gone();
        }
        for (count, meant) in counts {
            assert_eq!(tally(&count), Poll::Ready(Tally { gone: meant, ..Tally::default() }));
        }
    }
}

#[test]
fn who_has_gone_is_in_no_group_and_gets_into_none() {
    let (stuck, sizes) = (Stuck::new(), GroupSizes::default());
    let shard = stuck.shard();
    join(&shard, id(1));
    shard.join_group(id(1), "tea", &sizes).unwrap();
    assert_eq!(shard.leave(id(1), &sizes), ["tea".into()]);
    assert_eq!(shard.join_group(id(1), "tea", &sizes), Err(JoinError::ClientGone));
    assert!(!shard.leave_group(id(1), "tea", &sizes) && shard.groups(id(1)).is_empty());
    assert_eq!((sizes.size("tea"), sizes.names()), (0, vec![]));
}
