//! A store behind TLS: one server, a master that Sentinel names, a Cluster. Each server has a certificate by an
//! authority of the test's own, which the process is told of as one tells it of a company's.
//!
//! The servers listen without TLS as well, for the questions of the test itself.

use std::path::PathBuf;
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::net::TcpSocket;

use super::Fleet;
use super::several_servers::{Cluster, KEEPS_ALL, SERVICE, Server, is_installed, kept_port, program};
use crate::process::yard::{PATIENCE, Setup, eventually};

/// In PEM, in files.
struct Certificates {
    home: TempDir,
}

impl Certificates {
    /// An authority, and what it signed for 127.0.0.1.
    fn new() -> Self {
        let home = TempDir::new().unwrap();
        let authority_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Under the usual name, which is everybody's, OpenSSL would take what it signs for signed by itself.
        authority.distinguished_name.push(DnType::CommonName, "the authority of a test");
        let authority_text = authority.self_signed(&authority_key).unwrap().pem();
        let key = KeyPair::generate().unwrap();
        let server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let signed = server.signed_by(&key, &Issuer::new(authority, authority_key)).unwrap();
        for (name, text) in [
            ("authority.pem", authority_text),
            ("server.pem", signed.pem()),
            ("server.key", key.serialize_pem()),
        ] {
            std::fs::write(home.path().join(name), text).unwrap();
        }
        Self { home }
    }

    fn authority(&self) -> PathBuf {
        self.home.path().join("authority.pem")
    }

    /// Of a server that speaks TLS at this port, to its equals too.
    fn options(&self, port: u16) -> Vec<String> {
        let file = |name: &str| self.home.path().join(name).display().to_string();
        [
            ("tls-port", port.to_string()),
            ("tls-cert-file", file("server.pem")),
            ("tls-key-file", file("server.key")),
            ("tls-ca-cert-file", file("authority.pem")),
            ("tls-auth-clients", "no".to_owned()),
            ("tls-replication", "yes".to_owned()),
        ]
        .into_iter()
        .flat_map(|(name, value)| [format!("--{name}"), value])
        .collect()
    }
}

/// Was the server built with it? Says it where not.
fn speaks_tls() -> bool {
    if !is_installed("a store behind TLS") {
        return false;
    }
    // It ends at once, as it is to listen nowhere.
    let told = Command::new(program()).args(["--port", "0", "--tls-port", "0"]).output().unwrap();
    let unknown = String::from_utf8_lossy(&[told.stdout, told.stderr].concat()).contains("Bad directive");
    if unknown {
        eprintln!("\nSKIPPED: a store behind TLS: this server was built without it\n");
    }
    !unknown
}

/// A process at this URL, which trusts these, sends a message.
async fn sends_at<R>(servers: R, url: &str, trusted: &Certificates) {
    let setup = Setup::of_numbers(1, &[]);
    let mut fleet = Fleet::over(servers, &setup).await;
    fleet.trusts(trusted.authority());
    fleet.add(url);
    let member = &fleet.members[0];
    member.is_ready_within_patience().await;
    let number = &setup.numbers[0].number;
    let reply = member.api.send(number, "+15550200000", "hello", true, None).await.unwrap();
    let id = reply.message_id().unwrap();
    eventually("it is sent", PATIENCE, async || {
        (member.api.status(&id).await.body["status"] == "sent").then_some(())
    })
    .await;
    assert_eq!(fleet.yard.twin.count().await, 1);
    assert!(!member.child().said().contains("cannot be heard"), "the connection for notes goes there too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server_is_reached_by_tls_and_only_if_its_authority_is_trusted() {
    if !speaks_tls() {
        return;
    }
    let certificates = Certificates::new();
    let (port, _kept) = kept_port();
    let server = Server::started(|_, _, _| {
        [KEEPS_ALL.map(str::to_owned).to_vec(), certificates.options(port)].concat()
    })
    .await;
    let url = format!("rediss://127.0.0.1:{port}");

    let mut stranger = Fleet::over((), &Setup::of_numbers(1, &[])).await;
    let others = Certificates::new();
    stranger.trusts(others.authority());
    stranger.add(&url);
    eventually("it says that it does not trust it", PATIENCE, async || {
        let said = stranger.members[0].child().said();
        said.contains("invalid peer certificate").then_some(())
    })
    .await;
    assert!(!stranger.members[0].api.is_ready().await);
    drop(stranger);

    sends_at(server, &url, &certificates).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinel_and_the_master_that_it_names_are_reached_by_tls() {
    if !speaks_tls() {
        return;
    }
    let certificates = Certificates::new();
    let ((of_master, _kept), (of_sentinel, _kept_too)) = (kept_port(), kept_port());
    let master = Server::started(|_, _, _| {
        [KEEPS_ALL.map(str::to_owned).to_vec(), certificates.options(of_master)].concat()
    })
    .await;
    let sentinel = Server::started(|home, port, _| {
        let config = home.path().join("sentinel.conf");
        let lines = format!(
            "port {port}\nbind 127.0.0.1\ndir {dir}\nsentinel monitor {SERVICE} 127.0.0.1 {of_master} 1\n",
            dir = home.path().display()
        );
        std::fs::write(&config, lines).unwrap();
        let mut arguments = vec![config.to_str().unwrap().to_owned(), "--sentinel".to_owned()];
        arguments.extend(certificates.options(of_sentinel));
        arguments
    })
    .await;
    let url = format!("rediss+sentinel://127.0.0.1:{of_sentinel}/{SERVICE}");
    sends_at([master, sentinel], &url, &certificates).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_reached_by_tls() {
    if !speaks_tls() {
        return;
    }
    let certificates = Certificates::new();
    let ports: Vec<(u16, TcpSocket)> = (0..3).map(|_| kept_port()).collect();
    let options = |place: usize| {
        [certificates.options(ports[place].0), vec!["--tls-cluster".to_owned(), "yes".to_owned()]].concat()
    };
    let Some(cluster) = Cluster::start_each(0, options).await else { return };
    let hosts: Vec<String> = ports.iter().map(|(port, _)| format!("127.0.0.1:{port}")).collect();
    sends_at(cluster, &format!("rediss+cluster://{}", hosts.join(",")), &certificates).await;
}
