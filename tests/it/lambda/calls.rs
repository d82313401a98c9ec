//! The calls of AWS that a function makes, as its role has to allow them.

use super::deployment::{Deployed, REGION};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const ACCOUNT: &str = "123456789012";

/// The calls that a function has made, as lines of JSON: action and resource, each once.
pub(super) fn calls(name: &str, function: &Deployed) -> BTreeSet<String> {
    let requests = function.proxy.requests();
    let of_s3 = requests.iter().filter(|request| !request.starts_with("POST / ")).map(|request| s3_call(request));
    let actions = function.proxy.actions();
    let of_others = actions.iter().map(|(action, body)| json_call(action, body));
    let line = |(action, resource): (String, String)| {
        json!({ "function": name, "action": action, "resource": resource }).to_string()
    };
    of_s3.chain(of_others).map(line).collect()
}

fn s3_call(request: &str) -> (String, String) {
    let (method, target) = request.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (bucket, key) = path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_start_matches('/'), ""));
    let has = |name: &str| query.split('&').any(|part| part.split('=').next() == Some(name));
    let action = match (method, key.is_empty()) {
        ("GET", true) if has("uploads") => "ListBucketMultipartUploads",
        ("GET" | "HEAD", true) => "ListBucket",
        ("GET", false) if has("uploadId") => "ListMultipartUploadParts",
        ("GET" | "HEAD", false) => "GetObject",
        ("DELETE", false) if has("uploadId") => "AbortMultipartUpload",
        ("DELETE", false) => "DeleteObject",
        ("PUT" | "POST", false) => "PutObject",
        ("POST", true) if has("delete") => "DeleteObject",
        _ => panic!("nobody knows what `{request}` asks for"),
    };
    let resource = match (key, action) {
        ("", "DeleteObject") => format!("{bucket}/star/any"),
        ("", _) => bucket.to_owned(),
        _ => format!("{bucket}/{key}"),
    };
    (format!("s3:{action}"), format!("arn:aws:s3:::{resource}"))
}

fn json_call(action: &str, body: &str) -> (String, String) {
    let body: Value = serde_json::from_str(body).unwrap();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    let (service, name) = action.split_once('.').unwrap();
    match service {
        "AmazonSSM" => {
            let parameter = if name == "GetParametersByPath" { text("Path") } else { text("Name") };
            (format!("ssm:{name}"), format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{parameter}"))
        }
        "secretsmanager" => {
            let secret = text("SecretId");
            (format!("{service}:{name}"), format!("arn:aws:{service}:{REGION}:{ACCOUNT}:secret:{secret}-AbCdEf"))
        }
        _ => panic!("nobody knows what `{action}` asks for"),
    }
}
