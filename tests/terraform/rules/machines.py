"""State machines: every step exists, is tried again where that may help, and one table does not stop the others."""

from .functions import mistake_of


def steps(definition, inside=False):
    """All states, also those within others: name, state, the states beside it, and whether it is done for each item."""
    for name, state in definition["States"].items():
        yield name, state, definition["States"], inside
        if "ItemProcessor" in state:
            yield from steps(state["ItemProcessor"], True)


def targets(state):
    """The states that may come next."""
    found = [state["Next"]] if "Next" in state else []
    found += [one["Next"] for one in state.get("Catch", []) + state.get("Choices", [])]
    return found + ([state["Default"]] if "Default" in state else [])


def retries(state):
    """How often an error that could pass is tried again, and whether one that is final isn't."""
    often, final = 0, False
    for one in state.get("Retry", []):
        if "States.ALL" in one["ErrorEquals"] or "Retryable" in one["ErrorEquals"]:
            often = max(often, one.get("MaxAttempts", 3))
        if "Final" in one["ErrorEquals"] and one.get("MaxAttempts", 3) == 0:
            final = True
    return often, final


def check_steps(document):
    """The definition is whole."""
    for name, machine in document["state_machines"].items():
        address = f"aws_sfn_state_machine.{name}"
        for step, state, beside, _ in steps(machine["definition"]):
            for target in targets(state):
                if target not in beside:
                    yield address, f"`{step}` goes on to `{target}`, which is no state"
            if not targets(state) and not state.get("End") and state["Type"] not in ("Succeed", "Fail"):
                yield address, f"`{step}` neither ends nor goes on"
        if machine["definition"]["StartAt"] not in machine["definition"]["States"]:
            yield address, "it starts at a state that isn't there"


def check_tasks(document):
    """Each task calls a function that is there and knows the event, and is tried again."""
    functions = {function["arn"]: function for function in document["functions"].values()}
    for name, machine in document["state_machines"].items():
        address = f"aws_sfn_state_machine.{name}"
        for step, state, _, inside in steps(machine["definition"]):
            if state["Type"] != "Task":
                continue
            function = functions.get(state["Resource"])
            if not function:
                yield address, f"`{step}` calls {state['Resource']}, which is no function of this deployment"
                continue
            event = {key.removesuffix(".$"): value for key, value in state.get("Parameters", {}).items()}
            mistake = mistake_of(function["handler"], event)
            if mistake:
                yield address, f"`{step}`: {mistake}"
            often, final = retries(state)
            if often < 2:
                yield address, f"`{step}` is not tried again when it fails: retry States.ALL, with pauses of minutes"
            if not final:
                yield address, f"`{step}` is tried again when it fails for good: retry `Final` 0 times, first of all"
            if state.get("TimeoutSeconds", 900) < function["timeout"]:
                yield address, f"`{step}` is given up before its function is: raise TimeoutSeconds"
            if inside and not any("States.ALL" in one["ErrorEquals"] for one in state.get("Catch", [])):
                yield address, f"a failure of `{step}` stops the other tables: catch States.ALL"


RULES = [check_steps, check_tasks]
