use sendyard_actors::domain::fingerprint::Fingerprint;
use sendyard_actors::domain::ids::{
    AssistantId, ClaimId, Incarnation, MessageId, OrganizationId, ProviderKind, Shard,
};
use sendyard_actors::domain::message::{
    Answer, ClaimTimes, Draft, Elsewhere, Fallback, Kind, Lane, Message, Moved, Settlement,
};
use sendyard_actors::domain::outcome::{Acceptance, Class, Doubt, Next, Refusal};
use sendyard_actors::domain::segments::Encoding;
use sendyard_actors::domain::time::Time;
use uuid::Uuid;

use super::*;

/// A record as version 1 stored it. It must be readable for ever: never change these bytes.
const VERSION_1: &str = "\
    0110018bcfe56800700080000000000000a3d285d8cc04809ac5e505000007ac020b61636d652d7477696c696f010767\
    72c3bcc39f65011968747470733a2f2f6578616d706c652e636f6d2f612e706e6702019558836906724610787559cb1b\
    50efce15153412dab030c88ae6f5796a709b0e290580d293ad0380c2d72f808f85cd01038088debe0103030103010000\
    0301feffffffffffffffffffffffffffffffffff03018084af5f808da96080def36801c088ec5f030501053230343239\
    02feffffffffffffffffffffffffffffffffff030280c6868f0180cf80900180a0cb980101c0d3bd90010203feffffff\
    ffffffffffffffffffffffffffff0303c08c9bbf01c09595c001c0e6dfc80101c09595c0010400018091d8bf01010653\
    4d3031323301086163636570746564010201050105323034323911746f6f206d616e79207265717565737473010180ca\
    b5ee01";

/// The same, as version 2 stores it.
const VERSION_2: &str = "\
    0210018bcfe56800700080000000000000a3d285d8cc04809ac5e505000007ac020b61636d652d7477696c696f010767\
    72c3bcc39f65011968747470733a2f2f6578616d706c652e636f6d2f612e706e6702019558836906724610787559cb1b\
    50efce15153412dab030c88ae6f5796a709b0e0000290580d293ad0380c2d72f808f85cd01038088debe010303010301\
    000000000301feffffffffffffffffffffffffffffffffff03018084af5f808da96080def36801c088ec5f0305010532\
    3034323902feffffffffffffffffffffffffffffffffff030280c6868f0180cf80900180a0cb980101c0d3bd90010203\
    feffffffffffffffffffffffffffffffffff0303c08c9bbf01c09595c001c0e6dfc80101c09595c0010400018091d8bf\
    010106534d3031323301086163636570746564010201050105323034323911746f6f206d616e79207265717565737473\
    010180cab5ee01";

/// The same, as version 3 stores it.
const VERSION_3: &str = "\
    0310018bcfe56800700080000000000000a3d285d8cc04809ac5e505000007ac020b61636d652d7477696c696f010767\
    72c3bcc39f65011968747470733a2f2f6578616d706c652e636f6d2f612e706e6702019558836906724610787559cb1b\
    50efce15153412dab030c88ae6f5796a709b0e0000290580d293ad0380c2d72f808f85cd01038088debe010303010301\
    000000000301feffffffffffffffffffffffffffffffffff03018084af5f808da96080def36801c088ec5f0305010532\
    3034323902feffffffffffffffffffffffffffffffffff030280c6868f0180cf80900180a0cb980101c0d3bd90010203\
    feffffffffffffffffffffffffffffffffff0303c08c9bbf01c09595c001c0e6dfc80101c09595c0010400018091d8bf\
    010106534d3031323301086163636570746564010201050105323034323911746f6f206d616e79207265717565737473\
    010180cab5ee01";

/// The same moved to its fallback account behind its second attempt, as version 3 stores it.
const VERSION_3_MOVED: &str = "\
    0310018bcfe56800700080000000000000a3d285d8cc04809ac5e505000007ac020b61636d652d7477696c696f010767\
    72c3bcc39f65011968747470733a2f2f6578616d706c652e636f6d2f612e706e6702019558836906724610787559cb1b\
    50efce15153412dab030c88ae6f5796a709b0e00010573706172650201027b7d290580d293ad0380c2d72f808f85cd01\
    038088debe010303010301000101056669727374000200000301feffffffffffffffffffffffffffffffffff03018084\
    af5f808da96080def36801c088ec5f03050105323034323902feffffffffffffffffffffffffffffffffff030280c686\
    8f0180cf80900180a0cb980101c0d3bd90010203feffffffffffffffffffffffffffffffffff0303c08c9bbf01c09595\
    c001c0e6dfc80101c09595c0010400018091d8bf010106534d3031323301086163636570746564010201050105323034\
    323911746f6f206d616e79207265717565737473010180cab5ee01";

/// The first, as version 4 stores it.
const VERSION_4: &str = "\
    0410018bcfe56800700080000000000000a3d285d8cc04809ac5e505000007ac020b61636d652d7477696c696f010767\
    72c3bcc39f65011968747470733a2f2f6578616d706c652e636f6d2f612e706e6702019558836906724610787559cb1b\
    50efce15153412dab030c88ae6f5796a709b0e0000290580d293ad0380c2d72f808f85cd01038088debe010303010301\
    000000000301feffffffffffffffffffffffffffffffffff03018084af5f808da96080def36801c088ec5f0305010532\
    3034323902feffffffffffffffffffffffffffffffffff030280c6868f0180cf80900180a0cb980101c0d3bd90010203\
    feffffffffffffffffffffffffffffffffff0303c08c9bbf01c09595c001c0e6dfc80101c09595c0010400018091d8bf\
    010106534d3031323301086163636570746564010201050105323034323911746f6f206d616e79207265717565737473\
    010180cab5ee0100";

/// The second, as version 4 stores it.
const VERSION_4_MOVED: &str = "\
    0410018bcfe56800700080000000000000a3d285d8cc04809ac5e505000007ac020b61636d652d7477696c696f010767\
    72c3bcc39f65011968747470733a2f2f6578616d706c652e636f6d2f612e706e6702019558836906724610787559cb1b\
    50efce15153412dab030c88ae6f5796a709b0e00010573706172650201027b7d290580d293ad0380c2d72f808f85cd01\
    038088debe010303010301000101056669727374000200000301feffffffffffffffffffffffffffffffffff03018084\
    af5f808da96080def36801c088ec5f03050105323034323902feffffffffffffffffffffffffffffffffff030280c686\
    8f0180cf80900180a0cb980101c0d3bd90010203feffffffffffffffffffffffffffffffffff0303c08c9bbf01c09595\
    c001c0e6dfc80101c09595c0010400018091d8bf010106534d3031323301086163636570746564010201050105323034\
    323911746f6f206d616e79207265717565737473010180cab5ee0100";

/// An offer of the same draft, as version 4 stores it.
const VERSION_4_OFFERED: &str = "\
    0410018bcfe56800700080000000000000a3d285d8cc04809ac5e505000107ac020b61636d652d7477696c696f010767\
    72c3bcc39f65011968747470733a2f2f6578616d706c652e636f6d2f612e706e6702019558836906724610787559cb1b\
    50efce15153412dab030c88ae6f5796a709b0e0000290080c2d72f80c2d72f80c2d72f0680c2d72f0000000000000000\
    0000000000000180d6c28c04";

/// The moved one with all that a client may say of it, as version 5 stores it.
const VERSION_5: &str = "\
    0510018bcfe56800700080000000000000a3d285d8cc04809ac5e505000007ac020b61636d652d7477696c696f010767\
    72c3bcc39f65011968747470733a2f2f6578616d706c652e636f6d2f612e706e6702019558836906724610787559cb1b\
    50efce15153412dab030c88ae6f5796a709b0e00010573706172650201027b7d0180b09dc2df0101076f726465722037\
    01107b2273686f70223a226e6f727468227d290580d293ad0380c2d72f808f85cd01038088debe010303010301000101\
    056669727374000200000301feffffffffffffffffffffffffffffffffff03018084af5f808da96080def36801c088ec\
    5f03050105323034323902feffffffffffffffffffffffffffffffffff030280c6868f0180cf80900180a0cb980101c0\
    d3bd90010203feffffffffffffffffffffffffffffffffff0303c08c9bbf01c09595c001c0e6dfc80101c09595c00104\
    00018091d8bf010106534d3031323301086163636570746564010201050105323034323911746f6f206d616e79207265\
    717565737473010180cab5ee0100";

/// A message on its third attempt, with something in every field that versions 1 to 4 can hold.
fn message() -> Message {
    let at = Time::from_millis;
    let sender = "+1234567890".parse().unwrap();
    let recipient = "+1555123456".parse().unwrap();
    let media = vec!["https://example.com/a.png".to_owned()];
    let draft = Draft {
        id: MessageId::new(Uuid::from_u128(0x018b_cfe5_6800_7000_8000_0000_0000_0000), Shard::of(sender)),
        sender,
        recipient,
        lane: Lane::Urgent,
        kind: Kind::Queued,
        organization: OrganizationId(7),
        assistant: AssistantId(300),
        account: "acme-twilio".into(),
        provider: ProviderKind::Telnyx,
        fingerprint: Fingerprint::of(sender, recipient, "grüße", &media, true),
        text: "grüße".to_owned(),
        media,
        segments: 2,
        encoding: Encoding::Ucs2,
        frozen: None,
        fallback: None,
        expires_at: None,
        client_reference: None,
        metadata: None,
    };
    let times = |now: u64| ClaimTimes { now: at(now), begin_by: at(now + 2), deadline: at(now + 20) };
    let claim_id = |counter| ClaimId { incarnation: Incarnation(u128::MAX - 1), counter };
    let mut message = Message::queued(draft, 41, Answer { position: 5, estimate: at(900) }, at(100));

    message.claim(0, claim_id(1), times(200)).unwrap();
    let refusal = Refusal {
        class: Class::Retry,
        code: Some("20429".to_owned()),
        detail: "too many requests".to_owned(),
        retry_after: Some(std::time::Duration::from_millis(1500)),
        slows: None,
    };
    let again = Settlement::Refused { refusal, next: Next::Retry { due: at(300) } };
    message.settle(1, again, Some(at(201)), at(202)).unwrap();

    message.claim(1, claim_id(2), times(300)).unwrap();
    message.mark_unknown(2, Doubt::ConnectionLost, at(400), at(303), at(330)).unwrap();
    message.settle_unknown(2, sendyard_actors::domain::message::UnknownPolicy::Resend, at(400)).unwrap();
    message.claim(2, claim_id(3), times(401)).unwrap();
    let acceptance = Acceptance {
        provider_id: "SM0123".to_owned(),
        provider_status: "accepted".to_owned(),
        segments: Some(2),
    };
    message.settle(2, Settlement::Accepted(acceptance), None, at(402)).unwrap();
    message.mark_unknown(3, Doubt::NoAnswer, at(500), at(403), at(430)).unwrap();
    message
}

/// The same, moved behind its second attempt, and with another fallback before it, so that everything of
/// both is there.
fn moved() -> Message {
    let elsewhere = |name: &str, provider| Elsewhere { account: name.into(), provider };
    let mut message = message();
    let to = elsewhere("spare", ProviderKind::Vonage);
    message.draft.fallback = Some(Fallback { to, frozen: Some("{}".to_owned()) });
    message.moved = Some(Moved { from: Some(elsewhere("first", ProviderKind::Twilio)), last_there: 2 });
    message
}

/// The same with what its client keeps with it, and an end.
fn noted() -> Message {
    let mut message = moved();
    message.draft.expires_at = Some(Time::from_millis(60_000));
    message.draft.client_reference = Some("order 7".to_owned());
    message.draft.metadata = Some("{\"shop\":\"north\"}".to_owned());
    message
}

/// The same draft, offered for a second.
fn offered() -> Message {
    let draft = Draft { kind: Kind::Immediate, ..message().draft };
    Message::offered(draft, 41, Time::from_millis(1100), Time::from_millis(100))
}

#[test]
fn a_record_survives_its_bytes() {
    for message in [message(), moved(), offered(), noted()] {
        assert_eq!(decode(&encode(&message).unwrap()).unwrap(), message);
    }
}

#[test]
fn a_record_of_version_1_is_read_for_ever() {
    assert_eq!(decode(&hex::decode(VERSION_1).unwrap()).unwrap(), message());
}

#[test]
fn a_record_of_version_2_is_read_for_ever() {
    assert_eq!(decode(&hex::decode(VERSION_2).unwrap()).unwrap(), message());
}

/// Version 2 kept that a message had moved, and not from where.
#[test]
fn a_move_in_a_record_of_version_2_is_read() {
    // The same bytes with the fallback account `spare` of Telnyx after the frozen body, and moved.
    let with_fallback = VERSION_2.replacen("9b0e000029", "9b0e00010573706172650129", 1);
    let with_move = with_fallback.replacen("01030100000000", "01030100010000", 1);
    let read = decode(&hex::decode(with_move).unwrap()).unwrap();
    let to = Elsewhere { account: "spare".into(), provider: ProviderKind::Telnyx };
    let mut expected = message();
    expected.draft.fallback = Some(Fallback { to, frozen: None });
    expected.moved = Some(Moved { from: None, last_there: 3 });
    assert_eq!(read, expected);
    let accounts = [3, 4].map(|attempt| read.account_of(attempt).map(ToString::to_string));
    assert_eq!(accounts, [None, Some("acme-twilio".to_owned())]);
}

#[test]
fn a_record_of_version_3_is_read_for_ever() {
    assert_eq!(decode(&hex::decode(VERSION_3).unwrap()).unwrap(), message());
    assert_eq!(decode(&hex::decode(VERSION_3_MOVED).unwrap()).unwrap(), moved());
}

#[test]
fn a_record_of_version_4_is_read_for_ever() {
    assert_eq!(decode(&hex::decode(VERSION_4).unwrap()).unwrap(), message());
    assert_eq!(decode(&hex::decode(VERSION_4_MOVED).unwrap()).unwrap(), moved());
    assert_eq!(decode(&hex::decode(VERSION_4_OFFERED).unwrap()).unwrap(), offered());
}

#[test]
fn a_record_of_version_5_is_read_for_ever() {
    assert_eq!(decode(&hex::decode(VERSION_5).unwrap()).unwrap(), noted());
}

#[test]
fn the_version_that_is_written_has_its_golden_record() {
    assert_eq!(hex::encode(encode(&noted()).unwrap()), VERSION_5);
}

#[test]
fn a_record_that_cannot_be_read_is_said_to_be() {
    let mut bytes = encode(&message()).unwrap();
    bytes[0] = 9;
    assert!(matches!(decode(&bytes), Err(StoreError::Corrupt(reason)) if reason.contains("version 9")));
    assert!(matches!(decode(&encode(&message()).unwrap()[..40]), Err(StoreError::Corrupt(_))));
    assert!(matches!(decode(&[]), Err(StoreError::Corrupt(_))));
}
