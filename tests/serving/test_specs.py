from decimal import Decimal

import pytest

from serving.specs import SPECIFICATIONS, Machine, Needs, machine_size, offers, specification_of, suitable, why_not
from serving.specs_variables import looks_secret
from serving.specs_variables import why_not as why_not_variable

_TINY, _LITTLE, SMALL, MEDIUM, *_ = SPECIFICATIONS


def test_specifications_are_named_like_the_documented_ones():
    ours, documented = SPECIFICATIONS[:2], SPECIFICATIONS[2:]
    assert [each.code for each in documented] == [f"modelarts.vm.cpu.{count}u" for count in (1, 2, 4, 8)]
    assert [each.label for each in documented][:2] == ["CPU: 1 core 2 GiB", "CPU: 2 cores 8 GiB"]
    assert [each.label for each in ours] == ["CPU: 0.5 core 512 MiB", "CPU: 1 core 1 GiB"]
    assert specification_of("modelarts.vm.cpu.2u") is MEDIUM
    assert specification_of("modelarts.vm.gpu.p4") is None


@pytest.mark.parametrize(
    ("machine", "instances", "code"),
    [
        (Machine(2, 8192), 1, ""),
        (Machine(1, 8192), 1, "spec.too_large"),
        (Machine(2, 8191), 1, "spec.too_large"),
        (Machine(2, 8192), 2, "spec.sold_out"),
        (Machine(2, 16384, promised=8192), 1, ""),
        (Machine(2, 16384, promised=8193), 1, "spec.sold_out"),
    ],
)
def test_specification_fits_or_says_why_not(machine, instances, code):
    assert why_not(MEDIUM, machine, instances=instances) == code


def test_promised_memory_beyond_the_machine_leaves_nothing():
    assert Machine(2, 1000, promised=2000).left == 0


@pytest.mark.parametrize(
    ("machine", "needs", "chosen"),
    [
        (Machine(8, 64_000), Needs(), "1u"),
        (Machine(8, 64_000), Needs(Decimal("1.5"), 512), "2u"),
        (Machine(8, 64_000), Needs(Decimal(1), 9000), "4u"),
        (Machine(2, 64_000), Needs(Decimal(6), 9000), "2u"),
        (Machine(8, 64_000, promised=60_000), Needs(Decimal(2), 8000), "1u"),
        (Machine(1, 1000), Needs(), "0.5u"),
        (Machine(1, 100), Needs(), "0.5u"),
        (Machine(8, 64_000), Needs(Decimal("0.25"), 128), "0.5u"),
        (Machine(8, 64_000), Needs(Decimal("0.25"), 640), "1u1g"),
        (Machine(8, 64_000), Needs(Decimal(1), 1025, accelerator=True), "1u"),
    ],
)
def test_smallest_that_meets_the_needs_is_proposed_else_the_largest_there_is(machine, needs, chosen):
    assert suitable(offers(machine, needs), needs).specification.code == f"modelarts.vm.cpu.{chosen}"


def test_accelerator_that_is_not_there_is_remarked_and_refuses_nothing():
    offered = offers(Machine(8, 64_000), Needs(accelerator=True))

    assert {offer.remark for offer in offered} == {"The version asks for an accelerator, which this pool has not got"}
    assert {offer.refusal for offer in offered} == {""}


def test_machine_is_measured_and_settings_go_first(settings):
    settings.POOL_CORES = settings.POOL_MEMORY_MIB = 0
    measured = machine_size()
    settings.POOL_CORES, settings.POOL_MEMORY_MIB = 3, 5000

    assert measured.cores >= 1
    assert measured.memory > 500
    assert machine_size() == Machine(3, 5000)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("MODE", ""),
        ("_x9", ""),
        ("OMP_NUM_THREADS", ""),
        ("", "variable.name_invalid"),
        ("A-B", "variable.name_invalid"),
        ("9A", "variable.name_invalid"),
        ("A\n", "variable.name_invalid"),
        ("HOME", "variable.name_reserved"),
        ("Path", "variable.name_reserved"),
        ("LD_PRELOAD", "variable.name_reserved"),
        ("PYTHONSTARTUP", "variable.name_reserved"),
        ("MODELPORT_TOKEN", "variable.name_reserved"),
        ("A" * 65, "variable.name_too_long"),
    ],
)
def test_names_of_variables(name, code):
    assert why_not_variable(name) == code


@pytest.mark.parametrize(("name", "secret"), [("DB_PASSWORD", True), ("ApiKey", True), ("MODE", False)])
def test_names_that_look_like_secrets(name, secret):
    assert looks_secret(name) is secret
