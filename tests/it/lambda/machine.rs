//! State machines: the part of the Amazon States Language that ours are written in.
//!
//! <https://states-language.net/>

use serde_json::{Map, Value, json};

/// Runs a task: the resource, and its input. The error has a name and a cause.
pub(super) type Task<'a> = dyn FnMut(&str, &Value) -> Result<Value, (String, String)> + 'a;

/// How an execution ended, and what it did on the way.
#[derive(Debug)]
pub(super) struct Execution {
    pub(super) result: Result<Value, (String, String)>,
    /// The seconds that were waited before each retry.
    pub(super) waits: Vec<u64>,
}

/// Runs a state machine.
pub(super) fn execute(definition: &Value, input: &Value, task: &mut Task<'_>) -> Execution {
    let mut waits = Vec::new();
    let result = run(definition, input.clone(), task, &mut waits);
    Execution { result, waits }
}

fn run(machine: &Value, mut data: Value, task: &mut Task<'_>, waits: &mut Vec<u64>) -> Result<Value, (String, String)> {
    let mut name = machine["StartAt"].as_str().unwrap();
    loop {
        let state = &machine["States"][name];
        let input = match state.get("Parameters") {
            Some(template) => fill(template, &data),
            None => data.clone(),
        };
        let result = match state["Type"].as_str().unwrap() {
            "Pass" => Ok(input),
            "Task" => with_retries(state, waits, &mut || task(state["Resource"].as_str().unwrap(), &input)),
            "Map" => {
                let items = at(&data, state["ItemsPath"].as_str().unwrap()).as_array().unwrap().clone();
                let each = items.into_iter().map(|item| run(&state["ItemProcessor"], item, task, waits));
                each.collect::<Result<Vec<_>, _>>().map(Value::from)
            }
            other => panic!("the interpreter knows no state `{other}`"),
        };
        let next = match result {
            Ok(result) => {
                put(&mut data, state.get("ResultPath"), result);
                state.get("Next")
            }
            Err((error, cause)) => {
                let Some(catcher) = matching(&state["Catch"], &error) else { return Err((error, cause)) };
                put(&mut data, catcher.get("ResultPath"), json!({ "Error": error, "Cause": cause }));
                catcher.get("Next")
            }
        };
        match next {
            Some(next) => name = next.as_str().unwrap(),
            None => return Ok(data),
        }
    }
}

/// Tries again as the first retrier says that knows the error.
fn with_retries(
    state: &Value,
    waits: &mut Vec<u64>,
    task: &mut dyn FnMut() -> Result<Value, (String, String)>,
) -> Result<Value, (String, String)> {
    let mut tries = 0;
    loop {
        let (error, cause) = match task() {
            Ok(result) => return Ok(result),
            Err(error) => error,
        };
        let Some(retrier) = matching(&state["Retry"], &error) else { return Err((error, cause)) };
        if tries >= retrier["MaxAttempts"].as_u64().unwrap_or(3) {
            return Err((error, cause));
        }
        let (first, rate) = (retrier["IntervalSeconds"].as_u64().unwrap(), retrier["BackoffRate"].as_u64().unwrap());
        waits.push(first * rate.pow(u32::try_from(tries).unwrap()));
        tries += 1;
    }
}

/// The first of these that is for an error.
fn matching<'a>(rules: &'a Value, error: &str) -> Option<&'a Value> {
    let is_meant = |rule: &&Value| {
        rule["ErrorEquals"].as_array().unwrap().iter().any(|name| name == "States.ALL" || name == error)
    };
    rules.as_array()?.iter().find(is_meant)
}

/// What a path names: `$`, or members below it.
fn at<'a>(data: &'a Value, path: &str) -> &'a Value {
    path.strip_prefix('$').unwrap().split('.').skip(1).fold(data, |data, name| &data[name])
}

fn put(data: &mut Value, path: Option<&Value>, result: Value) {
    match path.map(|path| path.as_str().unwrap()) {
        None | Some("$") => *data = result,
        Some(path) => data[path.strip_prefix("$.").unwrap()] = result,
    }
}

/// A template, with what its members that end in `.$` name.
fn fill(template: &Value, data: &Value) -> Value {
    let Value::Object(members) = template else { return template.clone() };
    let filled = members.iter().map(|(name, value)| match name.strip_suffix(".$") {
        Some(name) => (name.to_owned(), at(data, value.as_str().unwrap()).clone()),
        None => (name.clone(), fill(value, data)),
    });
    Value::Object(filled.collect::<Map<_, _>>())
}
