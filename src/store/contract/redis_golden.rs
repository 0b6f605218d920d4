//! A record of every version of the Redis store's form, each as it was written.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use sendyard_actors::domain::fingerprint::Fingerprint;
use sendyard_actors::domain::ids::{AssistantId, ProviderKind};
use sendyard_actors::domain::message::{
    Draft, Elsewhere, Fallback, Kind, Lane, Message, Settlement, State, UnknownPolicy,
};
use sendyard_actors::domain::outcome::{Acceptance, Class, Next, Refusal};
use sendyard_actors::domain::segments::Encoding;
use sendyard_actors::ports::Appended;

use super::on_redis::{beside, place_of};
use super::world::{ORGANIZATION, SECOND, START, World, accepted, done, draft, refused};
use super::{redis_server, run_within};
use crate::store::redis::record;

/// A record as version 1 stores it: on its third attempt, with something in every field that can hold
/// something. It must be readable for ever: never change these bytes.
const VERSION_1: &str = "\
    dc0021010100cf00060a24181e4000ce015ef3c0ce015ef3c0030290c3c2c2c2c2939701b8000000000000000000000\
    000000000010000000000000000ce000f4240ce002dc6c0ce01406f40ce000f4240a90305010532303432399702b800\
    0000000000000000000000000000010000000000000001ce001e8480ce003d0900ce014fb180ce004c4b40a1029703b\
    8000000000000000000000000000000010000000000000002ce015ef3c0ce017d7840ce029020c0c2c2ce015ef3c0a6\
    534d30313233a8616363657074656403d921050105323034323911746f6f206d616e79207265717565737473010180c\
    ab5ee010100a7000000499602d2a70000039eda2b810000070102c302c3d96fac020b61636d652d7477696c696f0107\
    6772c3bcc39f65011968747470733a2f2f6578616d706c652e636f6d2f612e706e670201ea995d0d615ee29797e837c\
    83b082243a4dd22f2863b1c043b01d45b6f407dc501027b7d010b61636d652d766f6e6167650201077b74686572657d";

/// Another, which moved to its fallback account.
const VERSION_1_MOVED: &str = "\
    dc0021010000cf00060a24181e4000ce000f4240ce000f4240010190c2c201c2c2919701b8000000000000000000000\
    00000000001000000000000000000ce001e8480ce01312d00ce000f4240a9030501053230343239c2c2c2c2bb050105\
    323034323911746f6f206d616e79207265717565737473000100a7000000499602d2a70000039eda2b810000070202c\
    3c2c2d96fac020b61636d652d7477696c696f01076772c3bcc39f65011968747470733a2f2f6578616d706c652e636f\
    6d2f612e706e670201ea995d0d615ee29797e837c83b082243a4dd22f2863b1c043b01d45b6f407dc501027b7d010b6\
    1636d652d766f6e6167650201077b74686572657d";

/// The first as version 2 stores it.
const VERSION_2: &str = "\
    dc0022020100cf00060a24181e4000ce015ef3c0ce015ef3c0030290c3c2c2c2c2939701b80000000000000000000000\
    00000000010000000000000000ce000f4240ce002dc6c0ce01406f40ce000f4240a90305010532303432399702b80000\
    00000000000000000000000000010000000000000001ce001e8480ce003d0900ce014fb180ce004c4b40a1029703b800\
    0000000000000000000000000000010000000000000002ce015ef3c0ce017d7840ce029020c0c2c2ce015ef3c0a6534d\
    30313233a8616363657074656403d921050105323034323911746f6f206d616e79207265717565737473010180cab5ee\
    010100a7000000499602d2a70000039eda2b810000070102c302c3d96fac020b61636d652d7477696c696f01076772c3\
    bcc39f65011968747470733a2f2f6578616d706c652e636f6d2f612e706e670201ea995d0d615ee29797e837c83b0822\
    43a4dd22f2863b1c043b01d45b6f407dc501027b7d010b61636d652d766f6e6167650201077b74686572657dc2";

/// The second as version 2 stores it.
const VERSION_2_MOVED: &str = "\
    dc0022020000cf00060a24181e4000ce000f4240ce000f4240010190c2c201c2c2919701b80000000000000000000000\
    0000000001000000000000000000ce001e8480ce01312d00ce000f4240a9030501053230343239c2c2c2c2bb05010532\
    3034323911746f6f206d616e79207265717565737473000100a7000000499602d2a70000039eda2b810000070202c3c2\
    c2d96fac020b61636d652d7477696c696f01076772c3bcc39f65011968747470733a2f2f6578616d706c652e636f6d2f\
    612e706e670201ea995d0d615ee29797e837c83b082243a4dd22f2863b1c043b01d45b6f407dc501027b7d010b61636d\
    652d766f6e6167650201077b74686572657dc2";

/// An offer, as version 2 stores it.
const VERSION_2_OFFERED: &str = "\
    dc0022020600cf00060a24181e40000000000090c2c2c2c2c290c2c2c2c2c20000a7000000499602d2a70000039eda2b\
    810001070102c302c3d96fac020b61636d652d7477696c696f01076772c3bcc39f65011968747470733a2f2f6578616d\
    706c652e636f6d2f612e706e670201ea995d0d615ee29797e837c83b082243a4dd22f2863b1c043b01d45b6f407dc501\
    027b7d010b61636d652d766f6e6167650201077b74686572657dce000f4240";

/// The first as version 3 stores it.
const VERSION_3: &str = "\
    dc0023030100cf00060a24181e4000ce015ef3c0ce015ef3c0030290c3c2c2c2c2939701b80000000000000000000000\
    00000000010000000000000000ce000f4240ce002dc6c0ce01406f40ce000f4240a90305010532303432399702b80000\
    00000000000000000000000000010000000000000001ce001e8480ce003d0900ce014fb180ce004c4b40a1029703b800\
    0000000000000000000000000000010000000000000002ce015ef3c0ce017d7840ce029020c0c2c2ce015ef3c0a6534d\
    30313233a8616363657074656403d921050105323034323911746f6f206d616e79207265717565737473010180cab5ee\
    010100a7000000499602d2a70000039eda2b810000070102c302c3d96fac020b61636d652d7477696c696f01076772c3\
    bcc39f65011968747470733a2f2f6578616d706c652e636f6d2f612e706e670201ea995d0d615ee29797e837c83b0822\
    43a4dd22f2863b1c043b01d45b6f407dc501027b7d010b61636d652d766f6e6167650201077b74686572657dc2c3";

/// The second as version 3 stores it.
const VERSION_3_MOVED: &str = "\
    dc0023030000cf00060a24181e4000ce000f4240ce000f4240010190c2c201c2c2919701b80000000000000000000000\
    0000000001000000000000000000ce001e8480ce01312d00ce000f4240a9030501053230343239c2c2c2c2bb05010532\
    3034323911746f6f206d616e79207265717565737473000100a7000000499602d2a70000039eda2b810000070202c3c2\
    c2d96fac020b61636d652d7477696c696f01076772c3bcc39f65011968747470733a2f2f6578616d706c652e636f6d2f\
    612e706e670201ea995d0d615ee29797e837c83b082243a4dd22f2863b1c043b01d45b6f407dc501027b7d010b61636d\
    652d766f6e6167650201077b74686572657dc2c3";

/// An offer, as version 3 stores it.
const VERSION_3_OFFERED: &str = "\
    dc0023030600cf00060a24181e40000000000090c2c2c2c2c290c2c2c2c2c20000a7000000499602d2a70000039eda2b\
    810001070102c302c3d96fac020b61636d652d7477696c696f01076772c3bcc39f65011968747470733a2f2f6578616d\
    706c652e636f6d2f612e706e670201ea995d0d615ee29797e837c83b082243a4dd22f2863b1c043b01d45b6f407dc501\
    027b7d010b61636d652d766f6e6167650201077b74686572657dce000f4240c3";

/// The second with all that a client may say of it, as version 4 stores it: one that expires.
const VERSION_4_NOTED: &str = "\
    dc0024040000cf00060a24181e4000ce000f4240ce000f4240010190c2c201c2c2919701b80000000000000000000000\
    0000000001000000000000000000ce001e8480ce01312d00ce000f4240a9030501053230343239c2c2c2c2bb05010532\
    3034323911746f6f206d616e79207265717565737473000100a7000000499602d2a70000039eda2b810000070202c3c2\
    c2d98aac020b61636d652d7477696c696f01076772c3bcc39f65011968747470733a2f2f6578616d706c652e636f6d2f\
    612e706e670201ea995d0d615ee29797e837c83b082243a4dd22f2863b1c043b01d45b6f407dc501027b7d010b61636d\
    652d766f6e6167650201077b74686572657d01076f72646572203701107b2273686f70223a226e6f727468227dc2c3cf\
    00060a241bb1c700";

/// The same as version 5 stores it: with the place of its reference.
const VERSION_5_NOTED: &str = "\
    dc0025050000cf00060a24181e4000ce000f4240ce000f4240010190c2c201c2c2919701b80000000000000000000000\
    0000000001000000000000000000ce001e8480ce01312d00ce000f4240a9030501053230343239c2c2c2c2bb05010532\
    3034323911746f6f206d616e79207265717565737473000100a7000000499602d2a70000039eda2b810000070202c3c2\
    c2d98aac020b61636d652d7477696c696f01076772c3bcc39f65011968747470733a2f2f6578616d706c652e636f6d2f\
    612e706e670201ea995d0d615ee29797e837c83b082243a4dd22f2863b1c043b01d45b6f407dc501027b7d010b61636d\
    652d766f6e6167650201077b74686572657d01076f72646572203701107b2273686f70223a226e6f727468227dc2c3cf\
    00060a241bb1c700b4000000070fc89f8ae19394b48debd6353bb9ad33";

/// The first as version 6 stores it: its draft is short.
const VERSION_6: &str = "\
    dc0023060100cf00060a24181e4000ce015ef3c0ce015ef3c0030290c3c2c2c2c2939701b80000000000000000000000\
    00000000010000000000000000ce000f4240ce002dc6c0ce01406f40ce000f4240a90305010532303432399702b80000\
    00000000000000000000000000010000000000000001ce001e8480ce003d0900ce014fb180ce004c4b40a1029703b800\
    0000000000000000000000000000010000000000000002ce015ef3c0ce017d7840ce029020c0c2c2ce015ef3c0a6534d\
    30313233a8616363657074656403d921050105323034323911746f6f206d616e79207265717565737473010180cab5ee\
    010100a7000000499602d2a70000039eda2b810000070102c302c3d970ac020b61636d652d7477696c696f01076772c3\
    bcc39f65011968747470733a2f2f6578616d706c652e636f6d2f612e706e67020101ea995d0d615ee29797e837c83b08\
    2243a4dd22f2863b1c043b01d45b6f407dc501027b7d010b61636d652d766f6e6167650201077b74686572657dc2c3";

/// The second as version 6 stores it.
const VERSION_6_MOVED: &str = "\
    dc0023060000cf00060a24181e4000ce000f4240ce000f4240010190c2c201c2c2919701b80000000000000000000000\
    0000000001000000000000000000ce001e8480ce01312d00ce000f4240a9030501053230343239c2c2c2c2bb05010532\
    3034323911746f6f206d616e79207265717565737473000100a7000000499602d2a70000039eda2b810000070202c3c2\
    c2d970ac020b61636d652d7477696c696f01076772c3bcc39f65011968747470733a2f2f6578616d706c652e636f6d2f\
    612e706e67020101ea995d0d615ee29797e837c83b082243a4dd22f2863b1c043b01d45b6f407dc501027b7d010b6163\
    6d652d766f6e6167650201077b74686572657dc2c3";

/// An offer, as version 6 stores it.
const VERSION_6_OFFERED: &str = "\
    dc0023060600cf00060a24181e40000000000090c2c2c2c2c290c2c2c2c2c20000a7000000499602d2a70000039eda2b\
    810001070102c302c3d970ac020b61636d652d7477696c696f01076772c3bcc39f65011968747470733a2f2f6578616d\
    706c652e636f6d2f612e706e67020101ea995d0d615ee29797e837c83b082243a4dd22f2863b1c043b01d45b6f407dc5\
    01027b7d010b61636d652d766f6e6167650201077b74686572657dce000f4240c3";

/// The second as version 6 stores it, of a draft that says everything twice.
const VERSION_6_REPETITIVE: &str = "\
    dc0023060000cf00060a24181e4000ce000f4240ce000f4240010190c2c201c2c2919701b80000000000000000000000\
    0000000001000000000000000000ce001e8480ce01312d00ce000f4240a9030501053230343239c2c2c2c2bb05010532\
    3034323911746f6f206d616e79207265717565737473000100a7000000499602d2a70000039eda2b810000070202c3c2\
    c2d964ac020b61636d652d7477696c696f01076772c3bcc39f65011968747470733a2f2f6578616d706c652e636f6d2f\
    612e706e67020100011a050206030701222c22776562686f6f6b5f75726c223a222f0410010b61636d652d766f6e6167\
    65020103012004c2c3";

/// The second as version 7 stores it: one that expires.
const VERSION_7_EXPIRING: &str = "\
    dc0024070000cf00060a24181e4000ce000f4240ce000f4240010190c2c201c2c2919701b80000000000000000000000\
    0000000001000000000000000000ce001e8480ce01312d00ce000f4240a9030501053230343239c2c2c2c2bb05010532\
    3034323911746f6f206d616e79207265717565737473000100a7000000499602d2a70000039eda2b810000070202c3c2\
    c2d970ac020b61636d652d7477696c696f01076772c3bcc39f65011968747470733a2f2f6578616d706c652e636f6d2f\
    612e706e67020101ea995d0d615ee29797e837c83b082243a4dd22f2863b1c043b01d45b6f407dc501027b7d010b6163\
    6d652d766f6e6167650201077b74686572657dc2c3cf00060a241bb1c700";

/// The same with all that a client may say of it, as version 8 stores it.
const VERSION_8_NOTED: &str = "\
    dc0025080000cf00060a24181e4000ce000f4240ce000f4240010190c2c201c2c2919701b80000000000000000000000\
    0000000001000000000000000000ce001e8480ce01312d00ce000f4240a9030501053230343239c2c2c2c2bb05010532\
    3034323911746f6f206d616e79207265717565737473000100a7000000499602d2a70000039eda2b810000070202c3c2\
    c2d98bac020b61636d652d7477696c696f01076772c3bcc39f65011968747470733a2f2f6578616d706c652e636f6d2f\
    612e706e67020101ea995d0d615ee29797e837c83b082243a4dd22f2863b1c043b01d45b6f407dc501027b7d010b6163\
    6d652d766f6e6167650201077b74686572657d01076f72646572203701107b2273686f70223a226e6f727468227dc2c3\
    cf00060a241bb1c700b4000000070fc89f8ae19394b48debd6353bb9ad33";

/// One of which the record leaves out what it says anyway: its body, the body for its fallback account, and what its
/// fingerprint is of.
pub(super) fn repetitive_draft() -> Draft {
    let draft = golden_draft();
    let Draft { id, sender, recipient, text, media, lane, .. } = &draft;
    let frozen = format!(r#"{{"from":"{sender}","to":"{recipient}","text":"{text}","webhook_url":"/{id}"}}"#);
    let fingerprint = Fingerprint::of_lane(*sender, *recipient, text, media, true, *lane);
    let fallback =
        draft.fallback.clone().map(|there| Fallback { frozen: Some(format!("{text} {id}")), ..there });
    Draft { frozen: Some(frozen), fingerprint, fallback, ..draft }
}

pub(super) fn golden_draft() -> Draft {
    Draft {
        lane: Lane::Urgent,
        assistant: AssistantId(300),
        provider: ProviderKind::Telnyx,
        text: "grüße".to_owned(),
        media: vec!["https://example.com/a.png".to_owned()],
        segments: 2,
        encoding: Encoding::Ucs2,
        frozen: Some("{}".to_owned()),
        fallback: Some(Fallback {
            to: Elsewhere { account: "acme-vonage".into(), provider: ProviderKind::Vonage },
            frozen: Some("{there}".to_owned()),
        }),
        ..draft(1)
    }
}

/// Takes a message to its third attempt: refused, unknown and repeated, told to be accepted.
async fn golden_life(world: &World) -> Message {
    let id = world.queued(golden_draft()).await.draft.id;
    world.pass(SECOND);
    world.claimed(id).await;
    let refusal = Refusal {
        class: Class::Retry,
        code: Some("20429".to_owned()),
        detail: "too many requests".to_owned(),
        retry_after: Some(Duration::from_millis(1500)),
        slows: None,
    };
    let again = Settlement::Refused { refusal, next: Next::Retry { due: world.now() + SECOND } };
    world.settled(id, 1, again).await;
    world.pass(SECOND);
    world.claimed(id).await;
    let unknown = world.unknown(id, 2).await;
    let lease = world.lease().await;
    done(world.store.settle_unknown(id, 2, lease, UnknownPolicy::Hold).await.unwrap());
    assert_eq!(unknown.unresolved, [2]);
    world.claimed(id).await;
    let noted = Acceptance {
        provider_id: "SM0123".to_owned(),
        provider_status: "accepted".to_owned(),
        segments: Some(3),
    };
    let accepted = World::settle_of(id, 2, Settlement::Accepted(noted), None);
    done(world.store.settle(accepted).await.unwrap())
}

/// Takes a message to its fallback account.
async fn golden_move(world: &World, draft: Draft) -> Message {
    let id = world.sending(draft).await.draft.id;
    world.pass(SECOND);
    world.settled(id, 1, refused(Next::GiveUp)).await
}

/// What its client keeps with it, and an end.
pub(super) fn noted_draft() -> Draft {
    Draft {
        expires_at: Some(START + 60 * SECOND),
        client_reference: Some("order 7".to_owned()),
        metadata: Some("{\"shop\":\"north\"}".to_owned()),
        ..golden_draft()
    }
}

/// An end alone.
fn expiring_draft() -> Draft {
    Draft { client_reference: None, metadata: None, ..noted_draft() }
}

/// Offers one for a second.
async fn golden_offer(world: &World) -> Message {
    let draft = Draft { kind: Kind::Immediate, ..golden_draft() };
    match world.store.forward_immediate(draft, world.now() + SECOND).await.unwrap() {
        Appended::Stored(message) => *message,
        other => panic!("not stored: {other:?}"),
    }
}

#[test]
fn records_of_every_version_are_read_for_ever() {
    run_within(async {
        let lived = golden_life(&World::in_shared_memory()).await;
        let moved = golden_move(&World::in_shared_memory(), golden_draft()).await;
        let noted = golden_move(&World::in_shared_memory(), noted_draft()).await;
        let offered = golden_offer(&World::in_shared_memory()).await;
        let repetitive = golden_move(&World::in_shared_memory(), repetitive_draft()).await;
        let expiring = golden_move(&World::in_shared_memory(), expiring_draft()).await;
        for (expected, golden) in [
            (&lived, VERSION_1),
            (&moved, VERSION_1_MOVED),
            (&lived, VERSION_2),
            (&moved, VERSION_2_MOVED),
            (&offered, VERSION_2_OFFERED),
            (&lived, VERSION_3),
            (&moved, VERSION_3_MOVED),
            (&offered, VERSION_3_OFFERED),
            (&noted, VERSION_4_NOTED),
            (&noted, VERSION_5_NOTED),
            (&lived, VERSION_6),
            (&moved, VERSION_6_MOVED),
            (&offered, VERSION_6_OFFERED),
            (&repetitive, VERSION_6_REPETITIVE),
            (&expiring, VERSION_7_EXPIRING),
            (&noted, VERSION_8_NOTED),
        ] {
            let golden = hex::decode(golden).unwrap();
            assert_eq!(&record::decode(expected.draft.id, &golden).unwrap(), expected);
        }
    });
}

#[test]
fn the_version_that_the_scripts_write_has_its_golden_records_and_they_read_every_one() {
    let Some(server) = redis_server::shared() else { return };
    run_within(async {
        for golden in [VERSION_1, VERSION_2, VERSION_3, VERSION_6] {
            let (world, _, mut own) = beside(server).await;
            let message = golden_life(&world).await;
            assert_eq!(written(&mut own, &message).await, VERSION_6, "a new form is a new version");

            let (place, golden) = (place_of(message.draft.id), hex::decode(golden).unwrap());
            redis::cmd("SET").arg(&place).arg(golden).query_async::<()>(&mut own).await.unwrap();
            let sent = world.settled(message.draft.id, 3, accepted()).await;
            assert_eq!((sent.state, sent.tries, sent.draft), (State::Sent, 3, message.draft));
        }

        for (draft, golden) in [
            (golden_draft(), VERSION_6_MOVED),
            (repetitive_draft(), VERSION_6_REPETITIVE),
            (expiring_draft(), VERSION_7_EXPIRING),
            (noted_draft(), VERSION_8_NOTED),
        ] {
            let (world, _, mut own) = beside(server).await;
            let moved = golden_move(&world, draft).await;
            assert_eq!(written(&mut own, &moved).await, golden, "a new form is a new version");
        }

        // Those of before the index, or of before drafts were short, are read and written again as they were.
        for golden in [VERSION_4_NOTED, VERSION_5_NOTED] {
            let (world, _, mut own) = beside(server).await;
            let noted = golden_move(&world, noted_draft()).await;
            let (place, golden) = (place_of(noted.draft.id), hex::decode(golden).unwrap());
            redis::cmd("SET").arg(&place).arg(golden).query_async::<()>(&mut own).await.unwrap();
            world.store.cancel(noted.draft.id, ORGANIZATION).await.unwrap();
            let again = world.message(noted.draft.id).await;
            assert_eq!((again.state, again.draft), (State::Cancelled, noted.draft.clone()));
        }

        let (world, _, mut own) = beside(server).await;
        let offered = golden_offer(&world).await;
        assert_eq!(written(&mut own, &offered).await, VERSION_6_OFFERED, "a new form is a new version");
    });
}

async fn written(own: &mut MultiplexedConnection, message: &Message) -> String {
    let bytes: Vec<u8> = redis::cmd("GET").arg(place_of(message.draft.id)).query_async(own).await.unwrap();
    hex::encode(bytes)
}
