"""Requests on their way through the threads of a model."""

import threading
import weakref

from inference.answers import Answer
from inference.contract import Outcome
from inference.jobs import Jobs


def outcome():
    return Outcome(Answer(200, b"{}"))


class Large:
    """Work that holds a body."""

    def __call__(self):
        return outcome()


def test_what_arrives_while_the_thread_is_busy_is_handed_over_together_and_in_order():
    soon, answered = [], []
    jobs = Jobs(1, 10, lambda call: call(), soon.append)

    given = [jobs.submit(outcome, answered.append) for _ in range(4)]
    hand_over = soon.pop()
    thread = threading.Thread(target=jobs.work_here)
    thread.start()
    hand_over()
    jobs.stop()
    thread.join()

    assert answered == given
    assert (soon, jobs.waiting, jobs.answered) == ([], 0, 4)


def test_what_finds_a_thread_free_waits_for_nothing():
    soon, answered = [], []
    jobs = Jobs(2, 10, lambda call: call(), soon.append)

    given = [jobs.submit(outcome, answered.append) for _ in range(2)]
    jobs.stop()
    jobs.work_here()

    assert (answered, soon) == (given, [])


def test_what_was_given_up_before_its_hand_over_is_never_begun():
    soon, answered = [], []
    jobs = Jobs(1, 10, lambda call: call(), soon.append)
    first, second = (jobs.submit(outcome, answered.append) for _ in range(2))

    taken_back = jobs.give_up(second)
    soon.pop()()
    jobs.stop()
    jobs.work_here()

    assert taken_back
    assert answered == [first]


def test_what_is_given_up_keeps_nothing_of_its_request_while_it_waits_in_the_queue():
    jobs = Jobs(1, 10, lambda call: call(), lambda call: call())
    jobs.submit(outcome, print)
    work = Large()
    held = weakref.ref(work)

    jobs.give_up(jobs.submit(work, print))
    del work

    assert held() is None
