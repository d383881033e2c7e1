"""As much of GitHub's runner as the examples ask for: jobs, a matrix, steps, artifacts, one action."""

import itertools
import re
import shutil
import subprocess


class Runner:
    """Runs workflows; `fresh` makes a machine's folder, `action` is the composite one."""

    number = itertools.count(1)

    def __init__(self, fresh, environment, action):
        self.fresh, self.environment, self.action = fresh, environment, action
        self.home = fresh(f"github-{next(self.number)}")
        self.artifacts = self.home / "artifacts"
        self.uploaded, self.log, self.summary = [], "", ""
        self.prepare = lambda folder: None

    def machine(self):
        folder = self.fresh(f"github-{next(self.number)}")
        (folder / "temp").mkdir()
        self.prepare(folder)
        return folder

    def workflow(self, workflow):
        """The results of each job's runs, in the order in which jobs need each other."""
        done, waiting = {}, dict(workflow["jobs"])
        while waiting:
            name = next(name for name, job in waiting.items()
                        if all(other in done for other in [job.get("needs", [])] if other))
            job = waiting.pop(name)
            matrix = job.get("strategy", {}).get("matrix", {})
            runs = [dict(zip(matrix, values)) for values in itertools.product(*matrix.values())]
            done[name] = []
            for values in runs:
                context = {"matrix": values, "strategy": {"job-total": len(runs)}, "vars": {},
                           "steps": {}, "inputs": {}}
                variables = workflow.get("env", {})
                self.log = self.summary = ""
                ended = self.steps(job["steps"], context, variables, self.machine())
                done[name].append(ended | {"log": self.log, "summary": self.summary,
                                           "steps": context["steps"]})
        return done

    def steps(self, steps, context, variables, at):
        result = "success"
        for step in steps:
            condition = step.get("if", "success()")
            status = {"success()": result == "success", "always()": True}
            met = status[condition] if condition in status else (
                result == "success" and evaluate(condition, context))
            if not met:
                continue
            given = {name: fill(value, context) for name, value in step.get("with", {}).items()}
            if "run" in step:
                values = variables | step.get("env", {})
                values = {name: fill(value, context) for name, value in values.items()}
                code, outputs = self.shell(fill(step["run"], context), values, at)
            else:
                code, outputs = self.uses(step["uses"], given, at)
            if "id" in step:
                context["steps"][step["id"]] = {"outputs": outputs}
            if code:
                result = "failure"
        return {"result": result}

    def shell(self, script, variables, at):
        temp = at / "temp"
        files = {"GITHUB_OUTPUT": temp / "output", "GITHUB_STEP_SUMMARY": temp / "summary"}
        for file in files.values():
            file.write_text("")
        (temp / "step.sh").write_text(script)
        told = {"RUNNER_TEMP": temp, "GITHUB_WORKSPACE": at, "GITHUB_ACTIONS": "true", "CI": "true"}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", temp / "step.sh"], cwd=at, text=True,
            env=self.environment | variables | {name: str(value) for name, value in (told | files).items()},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
        self.log += done.stdout
        self.summary += files["GITHUB_STEP_SUMMARY"].read_text()
        lines = files["GITHUB_OUTPUT"].read_text().splitlines()
        return done.returncode, dict(line.split("=", 1) for line in lines)

    def uses(self, name, given, at):
        match name.split("@")[0]:
            case "actions/checkout":
                pass
            case "actions/upload-artifact":
                folder = self.artifacts / given["name"]
                folder.mkdir(parents=True)
                shutil.copy(at / given["path"], folder)
            case "actions/download-artifact":
                assert given["merge-multiple"] == "true"
                for file in self.artifacts.glob(f"{given['pattern']}/*"):
                    (at / given["path"]).mkdir(exist_ok=True)
                    shutil.copy(file, at / given["path"])
            case "github/codeql-action/upload-sarif":
                assert (at / given["sarif_file"]).is_file()
                self.uploaded.append(given["sarif_file"])
            case "./image-preflight":
                ended = self.composite(at, given)
                return ended["result"] == "failure", ended["outputs"]
            case other:
                raise AssertionError(f"no such action here: {other}")
        return 0, {}

    def composite(self, at, given):
        """Runs the action with these inputs."""
        known = self.action["inputs"]
        assert given.keys() <= known.keys(), given
        inputs = {name: given.get(name, one.get("default", "")) for name, one in known.items()}
        assert not [name for name, one in known.items() if one.get("required") and name not in given]
        context = {"inputs": inputs, "steps": {}, "github": {"action_path": str(at)}}
        ended = self.steps(self.action["runs"]["steps"], context, {}, at)
        outputs = {name: fill(one["value"], context) for name, one in self.action["outputs"].items()}
        return ended | {"outputs": outputs}


def value(name, context):
    """What a dotted name stands for; of a step that did not run or say it, nothing."""
    first, *rest = name.split(".")
    found = context[first]
    for part in rest:
        found = found.get(part, {} if first in ("steps", "vars") else None)
        assert found is not None, name
    return "" if found == {} else found


def evaluate(condition, context):
    name, wanted = re.fullmatch(r"([\w.-]+) == '(\w*)'", condition).groups()
    return value(name, context) == wanted


def fill(text, context):
    """The text with its expressions filled in."""
    if isinstance(text, bool):
        return str(text).lower()
    return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda found: str(value(found[1], context)), str(text))
