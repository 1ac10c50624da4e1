"""Who is next."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from datagen_nb.service.jobs.queue import Queue


def anybody(customer: str) -> bool:
    return True


def test_customers_take_turns():
    """A thousand jobs of one delay the single job of another by one slot."""
    queue = Queue()
    for number in range(1000):
        queue.add("ann", f"a{number}")
    queue.add("bob", "b")
    assert [queue.take(anybody, slots={}) for _ in range(3)] == [
        ("ann", "a0"),
        ("bob", "b"),
        ("ann", "a1"),
    ]


def test_who_has_fewest_slots_is_next():
    """Also one who came last."""
    queue = Queue()
    for number in range(3):
        queue.add("ann", f"a{number}")
    queue.add("bob", "b")
    assert queue.take(anybody, slots={"ann": 1}) == ("bob", "b")


def test_a_job_that_cannot_start_yet_lets_the_next_one_pass():
    """It keeps its place."""
    queue = Queue()
    queue.add("ann", "one")
    assert queue.take(anybody, slots={}, busy={"one"}) is None
    queue.add("ann", "two")
    assert queue.take(anybody, slots={}, busy={"one"}) == ("ann", "two")
    assert queue.take(anybody, slots={}) == ("ann", "one")


def test_who_may_not_start_is_passed_over_and_keeps_the_turn():
    """The next one who may is taken; none, when none may."""
    queue = Queue()
    queue.add("ann", "a")
    queue.add("bob", "b")
    assert queue.take(lambda customer: False, slots={}) is None
    assert queue.take(lambda customer: customer == "bob", slots={}) == ("bob", "b")
    assert queue.take(anybody, slots={}) == ("ann", "a")
    assert not queue


def test_places_are_a_customers_own():
    """From 1; a job that does not wait has none; one put back is first again."""
    queue = Queue()
    for job in ("x", "y", "z"):
        queue.add("ann", job)
    queue.add("bob", "b")
    queue.remove("ann", "x")
    assert [queue.position("ann", job) for job in ("x", "y", "z")] == [None, 1, 2]
    assert queue.position("bob", "b") == 1
    queue.put_back("ann", "x")
    assert [queue.position("ann", job) for job in ("x", "y", "z")] == [1, 2, 3]
    queue.add("ann", "x")
    assert queue.position("ann", "z") == 3


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30)), max_size=60))
def test_every_job_comes_out_once_in_its_customers_order(jobs):
    """And while all wait, none is served twice before another is once."""
    queue = Queue()
    for customer, number in jobs:
        queue.add(customer, str(number))
    wanted = {
        customer: list(dict.fromkeys(str(n) for other, n in jobs if other == customer))
        for customer in "abc"
    }
    taken: list[tuple[str, str]] = []
    while key := queue.take(anybody, slots={}):
        served, waiting = Counter(one for one, _ in taken), set(queue.customers)
        assert all(served[key[0]] <= served[other] for other in waiting)
        taken.append(key)
    for customer in "abc":
        assert [job for one, job in taken if one == customer] == wanted[customer]
