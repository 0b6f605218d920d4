//! docker-compose.yml and Dockerfile, as far as they can be tried without a Docker engine: what they mount and
//! copy is there, what they set is a setting, and each health check says yes to what is healthy.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use sendyard::config::{Config, Directory, Environment, StoreUrl};

use super::files::{self, read, root};
use super::prometheus::Prometheus;
use crate::process::on_redis::server::Redis;
use crate::process::yard::{Setup, Yard};

/// What follows `key: ` in the file, or `key=` for each time it is there.
fn values(text: &str, start: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix(start));
    lines.map(|value| value.trim_matches('"').to_owned()).collect()
}

#[test]
fn what_is_mounted_and_copied_is_there_and_versions_are_pinned() {
    let compose = read("docker-compose.yml");
    let mounts = values(&compose, "- ./");
    assert!(mounts.len() >= 4);
    for mount in mounts {
        let path = mount.split(':').next().unwrap();
        assert!(root().join(path).exists(), "{path} is mounted and not there");
    }
    for image in values(&compose, "image: ") {
        let version = image.split_once(':').map(|(_, version)| version).unwrap_or_default();
        let is_pinned = version == "local" || version.trim_start_matches('v').matches('.').count() == 2;
        assert!(is_pinned, "{image} is not pinned");
    }
    let dockerfile = read("Dockerfile");
    for copy in values(&dockerfile, "COPY ").iter().filter(|copy| !copy.starts_with("--from")) {
        let mut paths: Vec<&str> = copy.split_whitespace().collect();
        paths.pop();
        for path in paths {
            assert!(root().join(path).exists(), "{path} is copied and not there");
        }
    }
    let user = dockerfile.rfind("\nUSER sendyard\n").expect("not as root");
    assert!(dockerfile.rfind("\nENTRYPOINT").unwrap() > user);
}

#[test]
fn what_it_sets_is_a_configuration() {
    let compose = read("docker-compose.yml");
    // As Compose resolves it where nothing is set.
    let value = |text: &str| match text.split_once("${") {
        Some((before, rest)) => {
            let (variable, after) = rest.split_once('}').unwrap();
            format!("{before}{}{after}", variable.split_once(":-").unwrap().1)
        }
        None => text.to_owned(),
    };
    let names = ["SENDYARD__", "SENDYARD_", "ACME_"];
    let lines = compose.lines().map(str::trim).filter(|line| names.iter().any(|name| line.starts_with(name)));
    let set: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, text)| (name.to_owned(), value(text)))
        .collect();
    assert!(set.len() > 4, "{set:?}");
    let environment = Environment::from_iter(set);
    let config = Config::load(None, &environment).unwrap();
    assert!(matches!(config.store, StoreUrl::Redis(_)));
    assert!(config.admin_token.is_some());
    let file = root().join("grafana/compose/directory.toml");
    let mounted = format!("./grafana/compose/directory.toml:{}:ro", config.directory.display());
    assert!(compose.contains(&mounted), "{mounted}");
    let directory = Directory::load(&file, &environment).unwrap();
    assert_eq!(directory.book.numbers.len(), 1);
}

#[test]
fn compose_itself_takes_the_file_and_every_service_has_a_health_check_and_limits() {
    if !files::is_here("docker-compose", "docker-compose config", "docker-compose") {
        return;
    }
    let output = Command::new("docker-compose").arg("config").current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let config = String::from_utf8(output.stdout).unwrap();
    let (_, services) = config.split_once("services:\n").unwrap();
    let services = services.split("\nvolumes:").next().unwrap();
    let mut blocks: Vec<(String, String)> = Vec::new();
    for line in services.lines() {
        let is_name = line.starts_with("  ") && !line.starts_with("   ");
        match (is_name, blocks.last_mut()) {
            (true, _) => blocks.push((line.trim().trim_end_matches(':').to_owned(), String::new())),
            (false, Some((_, block))) => block.extend([line, "\n"]),
            (false, None) => {}
        }
    }
    let names: Vec<&str> = blocks.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["grafana", "prometheus", "redis", "sendyard-1", "sendyard-2", "twin"]);
    for (name, block) in &blocks {
        for key in ["healthcheck:", "mem_limit:", "cpus:", "restart:"] {
            assert!(block.contains(key), "{name} has no {key}");
        }
    }
}

/// Each check as it stands in the file, only at the address where the test's own process listens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_health_check_works_by_hand() {
    let compose = read("docker-compose.yml");
    let checks: Vec<Vec<String>> = compose
        .lines()
        .filter_map(|line| line.trim().strip_prefix("test: "))
        .map(|check| serde_json::from_str(check).unwrap())
        .collect();
    let yard = Yard::start(&Setup::of_numbers(1, &[])).await;
    let prometheus = Prometheus::start(&[yard.addr()]).await;
    let redis = Redis::start(&[]).await;
    let mut tried = 0;
    for check in checks {
        assert_eq!(check[0], "CMD");
        let address = |port: &str| match port {
            "8080" => Some(yard.addr()),
            "8090" => Some(yard.twin.addr()),
            "9090" => prometheus.as_ref().map(Prometheus::addr),
            _ => None,
        };
        let mut words: Vec<String> = check[1..].to_vec();
        if let Some(url) = words.last_mut().filter(|word| word.starts_with("http://")) {
            let rest = url.strip_prefix("http://127.0.0.1:").unwrap();
            let (port, path) = rest.split_once('/').unwrap();
            // Grafana cannot be had here.
            let Some(addr) = address(port) else { continue };
            *url = format!("http://{addr}/{path}");
        }
        if words[0] == "redis-cli" {
            let Some(redis) = &redis else { continue };
            words.splice(1..1, ["-s".to_owned(), redis.socket().display().to_string()]);
        }
        let program = if words[0] == "sendyard" { env!("CARGO_BIN_EXE_sendyard") } else { &words[0] };
        if !Path::new(program).exists() && Command::new(program).arg("--version").output().is_err() {
            continue;
        }
        let output = Command::new(program).args(&words[1..]).output().unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
        tried += 1;
    }
    assert!(tried >= 2, "the engine's and the twin's can be tried everywhere");
    // And no to what is not there.
    let nobody = Command::new(env!("CARGO_BIN_EXE_sendyard")).args(["probe", "http://127.0.0.1:9/"]).output();
    assert!(!nobody.unwrap().status.success());
}
