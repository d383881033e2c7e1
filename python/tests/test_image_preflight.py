"""The binding, by images of ``testdata`` and by what the command line says of them."""

import datetime
import json
import multiprocessing
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import pytest

import image_preflight

ROOT = pathlib.Path(__file__).resolve().parents[2]
GUESTS = ROOT / "testdata" / "guests"
PROGRAM = os.environ["IMAGE_PREFLIGHT"]

GOOD = GUESTS / "good.qcow2"
BROKEN = GUESTS / "fstab-data-disk.qcow2"
RULE = "fstab-no-nonsystem-mounts"


def program(*arguments):
    """What the command line prints, as JSON."""
    run = subprocess.run([PROGRAM, *arguments], stdout=subprocess.PIPE, check=False)
    return json.loads(run.stdout)


@pytest.mark.parametrize("lang", ["en", "zh-CN"])
@pytest.mark.parametrize("profile", ["ims-classic", "huaweicloud", "otc"])
@pytest.mark.parametrize(
    "image",
    ["guests/good.qcow2", "guests/luks-root.qcow2", "windows/good-server-2019.qcow2"],
)
def test_check_says_what_the_json_report_says(image, profile, lang):
    path = str(ROOT / "testdata" / image)
    options = ["--format", "json", "--profile", profile, "--lang", lang, "--digest", "sha256"]
    document = program("check", *options, path)
    report = image_preflight.check(path, profile=profile, lang=lang, digest="sha256")
    assert [report] == document["reports"]
    assert document["tool"]["version"] == image_preflight.__version__


def test_inspect_says_what_the_command_line_says():
    assert image_preflight.inspect(GOOD) == program("inspect", "--format", "json", str(GOOD))


def test_what_fails_has_its_place_and_its_repair():
    report = image_preflight.check(BROKEN)
    assert report["verdict"] == "fail"
    (finding,) = [found for found in report["findings"] if found["status"] == "fail"]
    assert finding["rule"] == RULE
    assert finding["evidence"][0]["location"] == "/etc/fstab:2"
    assert finding["remedy"] == "sed -i '2s/^/#/' /etc/fstab"


def test_a_warning_fails_when_asked():
    assert image_preflight.check(GOOD)["verdict"] == "pass"
    assert image_preflight.check(GOOD, fail_on_warn=True)["verdict"] == "fail"


def test_paths_are_str_or_path_like():
    class Named:
        def __fspath__(self):
            return str(GOOD)

    expected = image_preflight.check(str(GOOD))
    assert image_preflight.check(GOOD) == image_preflight.check(Named()) == expected
    with pytest.raises(TypeError):
        image_preflight.check(5)


def test_waivers_are_those_of_the_configuration():
    def verdict(**waiver):
        report = image_preflight.check(BROKEN, waivers=[{"rule": RULE, "reason": "r", **waiver}])
        return report["verdict"]

    day = datetime.timedelta(days=1)
    today = datetime.datetime.now(datetime.timezone.utc).date()
    assert verdict() == "pass"
    assert verdict(expires=today + day) == "pass"
    assert verdict(expires=today - day) == "fail"
    assert verdict(image="fstab-*.qcow2") == "pass"
    assert verdict(image="other.qcow2") == "fail"


@pytest.mark.parametrize(
    "arguments",
    [
        {"profile": "aws"},
        {"lang": "fr"},
        {"digest": "sha1"},
        {"password": ""},
        {"waivers": [{"rule": "no-such-rule", "reason": "r"}]},
        {"waivers": [{"rule": RULE, "reason": " "}]},
        {"waivers": [{"rule": RULE, "reason": "r", "expire": datetime.date.today()}]},
    ],
)
def test_what_is_not_known_is_a_value_error(arguments):
    with pytest.raises(ValueError):
        image_preflight.check(GOOD, **arguments)


def test_waivers_of_another_shape_are_refused():
    for waivers in (5, [5], [{"rule": RULE}], [{"rule": RULE, "reason": "r", "expires": "soon"}]):
        with pytest.raises((TypeError, ValueError, KeyError, AttributeError)):
            image_preflight.check(GOOD, waivers=waivers)


def test_a_file_that_cannot_be_read_is_a_preflight_error(tmp_path):
    for path in (tmp_path / "gone.qcow2", tmp_path, "/dev/null"):
        for call in (image_preflight.check, image_preflight.inspect):
            with pytest.raises(image_preflight.PreflightError, match=str(path)):
                call(path)
    assert issubclass(image_preflight.PreflightError, OSError)


def test_a_password_is_checked_and_not_told():
    report = image_preflight.check(GOOD, password="Secret-Word-1")
    (finding,) = [f for f in report["findings"] if f["rule"] == "password-complexity"]
    assert finding["status"] == "fail"
    assert finding["evidence"] == [{"location": "/etc/shadow:2", "detail": "root: another password"}]
    assert "Secret-Word-1" not in json.dumps(report)
    assert image_preflight.check(GOOD, password=b"Secret-Word-1") == report
    # The one that testdata/README.md names.
    report = image_preflight.check(GOOD, password="Preflight-2024")
    (finding,) = [f for f in report["findings"] if f["rule"] == "password-complexity"]
    assert finding["status"] == "pass"


def test_rules_are_those_of_the_profile():
    rules = image_preflight.rules(profile="otc", lang="zh-CN")
    # The level is a word of the interface; the command line says it in the reader's language.
    for lang, keys in [("en", ["id", "level"]), ("zh-CN", ["id", None, "title"])]:
        command = [PROGRAM, "rules", "--profile", "otc", "--lang", lang]
        listed = subprocess.check_output(command).decode().splitlines()
        lines = [line.split(maxsplit=2) for line in listed]
        for at, key in enumerate(keys):
            if key:
                assert [rule[key] for rule in rules] == [line[at] for line in lines]


@pytest.fixture
def endless(tmp_path):
    """A file whose digest takes minutes and no room."""
    path = tmp_path / "endless.raw"
    with open(path, "wb") as file:
        file.truncate(64 << 30)
    return path


def test_other_threads_go_on_and_a_signal_ends_a_check(endless):
    ticks = []
    stop = threading.Event()

    def tick():
        while not stop.wait(0.01):
            ticks.append(time.monotonic())

    def interrupt():
        while len(ticks) < 20:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threads = [threading.Thread(target=tick), threading.Thread(target=interrupt)]
    # A shell that starts programs in the background has them ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    for thread in threads:
        thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            image_preflight.check(endless, digest="sha256")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        signal.signal(signal.SIGINT, before)
    assert len(ticks) >= 20


def test_a_child_of_a_fork_can_check_too():
    expected = image_preflight.check(GOOD)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        reports = pool.map_async(image_preflight.check, [str(GOOD)] * 4).get(timeout=60)
    assert all(report == expected for report in reports)


def test_a_bus_error_of_others_goes_where_it_went_before():
    script = (
        "import faulthandler, image_preflight, os, signal, sys\n"
        "faulthandler.enable()\n"
        "image_preflight.check(sys.argv[1])\n"
        "os.kill(os.getpid(), signal.SIGBUS)\n"
        "signal.pause()\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(GOOD)], stderr=subprocess.PIPE, check=False, timeout=60
    )
    assert run.returncode == -signal.SIGBUS
    assert b"Fatal Python error: Bus error" in run.stderr


def test_nothing_is_printed(capfd):
    image_preflight.check(GOOD)
    image_preflight.inspect(BROKEN)
    assert capfd.readouterr() == ("", "")
