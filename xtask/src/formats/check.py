"""Reads the reports below a directory with the readers that others use."""

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import cmarkgfm
import jsonschema
from junitparser import JUnitXml

reports = Path(sys.argv[1])


def load(name):
    return json.loads((reports / name).read_text("utf-8"))


def validator(name):
    schema = load(name)
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema)


class Elements(HTMLParser):
    """The elements and attributes of a piece of HTML, and its text."""

    def __init__(self, text):
        super().__init__()
        self.found, self.words = set(), ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.add(tag)
        self.found.update(f"{tag}@{name}" for name, _ in attributes)

    def handle_data(self, data):
        self.words += data


schemas = {end: validator(f"{name}.schema.json") for end, name in
           [("json", "json"), ("jsonl", "json-lines"), ("sarif", "sarif")]}

for name in ["guests-en", "guests-zh-CN", "evil-en", "evil-zh-CN"]:
    report = load(f"{name}.json")
    schemas["json"].validate(report)
    for line in (reports / f"{name}.jsonl").read_text("utf-8").splitlines():
        schemas["jsonl"].validate(json.loads(line))
    sarif = load(f"{name}.sarif")
    schemas["sarif"].validate(sarif)

    # One list of findings: each form has as many of each kind as the JSON report. In GitHub's and
    # GitLab's one entry stands for all rules of an image that one reason keeps undecided.
    count = {}
    required = 0
    entries = 0
    undecided = []
    for image in report["reports"]:
        for status, number in image["summary"].items():
            count[status] = count.get(status, 0) + number
        required += sum(found["status"] == "unverified" and found["level"] == "required"
                        for found in image["findings"])
        entries += sum(found["status"] in ("fail", "warn") for found in image["findings"])
        reasons = {}
        for found in image["findings"]:
            if found["status"] == "unverified":
                reason = json.dumps(found["evidence"], sort_keys=True)
                reasons.setdefault(reason, []).append(found["rule"])
        undecided += reasons.values()
    errors = sum(image["error"] is not None for image in report["reports"])
    act = count["fail"] + count["warn"] + count["unverified"]
    results = sarif["runs"][0]["results"]
    assert len(results) == act + count["waived"], name
    assert sum(result["level"] == "error" for result in results) == count["fail"], name
    entries += len(undecided) + errors
    quality = load(f"{name}.gitlab.json")
    assert len(quality) == entries, (name, len(quality), entries)
    commands = (reports / f"{name}.github.txt").read_text("utf-8").splitlines()
    assert len(commands) == entries, (name, len(commands), entries)
    for rules in undecided:
        if len(rules) > 1:
            assert any(all(rule in entry["description"] for rule in rules)
                       for entry in quality), (name, rules)
            assert any(all(rule in line for rule in rules) for line in commands), (name, rules)
    assert all(re.match(r"::(error|warning|notice) file=[^:,\n]+,title=[^:,\n]+::", line)
               for line in commands), name

    junit = JUnitXml.fromfile(str(reports / f"{name}.xml"))
    suites = list(junit)
    assert [suite.name for suite in suites][0].endswith("qcow2"), name
    junit.update_statistics()
    assert junit.failures == count["fail"], (name, junit.failures)
    assert junit.errors == required + errors, (name, junit.errors)
    assert junit.tests == sum(count.values()) + errors, (name, junit.tests)
    said = sum(suite.tests for suite in JUnitXml.fromfile(str(reports / f"{name}.xml")))
    assert said == junit.tests, (name, said)

    markdown = (reports / f"{name}.md").read_text("utf-8")
    html = Elements(cmarkgfm.github_flavored_markdown_to_html(
        markdown, cmarkgfm.cmark.Options.CMARK_OPT_UNSAFE))
    allowed = {"h3", "h4", "p", "code", "pre", "pre@lang", "table", "thead", "tbody", "tr", "th",
               "td", "ul", "li", "details", "summary"}
    assert html.found <= allowed, (name, html.found - allowed)
    assert "code" in html.found and "table" in html.found, name
    for image in report["reports"]:
        for found in image["findings"]:
            if found["status"] in ("fail", "warn", "unverified"):
                assert found["rule"] in html.words, (name, found["rule"])
    print(f"{name}: {sum(count.values())} findings, {len(results)} results, {junit.tests} test cases")
