//! Frozen bodies, as a record has them: without what the record says anyway.
//!
//! A frozen body has the message's text, its two numbers and perhaps its id in it, each of which the record holds, and
//! what every body is made of. So each is written as one byte. A body is JSON, which has no control characters but
//! escaped ones, so those stand for what is left out; a body that has any all the same is kept as it is, behind one that
//! says so.
//!
//! Part of the form of a record since version 6: what is written must be readable for ever.

use std::borrow::Cow;

use sendyard_actors::domain::ids::MessageId;
use sendyard_actors::domain::message::Draft;
use sendyard_actors::domain::phone::E164;

/// First in a body that is kept as it is.
const AS_IT_IS: char = '\0';

// What stands for the text, as JSON writes it; the sending number; the recipient; the id.
const TEXT: char = '\u{1}';
const SENDER: char = '\u{2}';
const RECIPIENT: char = '\u{3}';
const ID: char = '\u{4}';

/// What bodies are made of, with what stands for it. What is here stays; another one is a new version of the record, as a
/// program that does not know it would take what stands for it for a part of the body.
const USUAL: [(char, &str); 9] = [
    ('\u{5}', r#"{"from":""#),
    ('\u{6}', r#"","to":""#),
    ('\u{7}', r#"","text":""#),
    ('\u{8}', r#"","type":"SMS""#),
    ('\u{b}', r#"","media_urls":["https://"#),
    ('\u{c}', r#""],"type":"MMS""#),
    ('\u{e}', r#","messaging_profile_id":""#),
    ('\u{f}', r#","webhook_url":"https://"#),
    ('\u{10}', r#""}"#),
];

/// What the record says of its message.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    pub(super) id: MessageId,
    pub(super) sender: E164,
    pub(super) recipient: E164,
    pub(super) text: &'a str,
}

impl<'a> Said<'a> {
    pub(super) fn by(draft: &'a Draft) -> Self {
        Self { id: draft.id, sender: draft.sender, recipient: draft.recipient, text: &draft.text }
    }

    /// Each with what stands for it; what is empty is in every body, and stands for nothing.
    fn pieces(&self) -> impl Iterator<Item = (char, Cow<'static, str>)> {
        let text = serde_json::to_string(self.text).unwrap_or_default();
        let text =
            text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default().to_owned();
        let numbers = [(SENDER, self.sender.to_string()), (RECIPIENT, self.recipient.to_string())];
        // The text first: a number that stands in it is a part of it.
        let said = [(TEXT, text)].into_iter().chain(numbers).chain([(ID, self.id.to_string())]);
        said.map(|(short, piece)| (short, Cow::Owned(piece)))
            .chain(USUAL.map(|(short, piece)| (short, Cow::Borrowed(piece))))
            .filter(|(_, piece)| !piece.is_empty())
    }
}

/// A body without what is said anyway.
pub(super) fn shorten(body: &str, said: &Said<'_>) -> String {
    if body.contains(char::is_control) {
        return format!("{AS_IT_IS}{body}");
    }
    said.pieces()
        .fold(body.to_owned(), |body, (short, piece)| body.replace(&*piece, short.encode_utf8(&mut [0; 4])))
}

/// Back from [`shorten`].
pub(super) fn restore(short: &str, said: &Said<'_>) -> String {
    if let Some(body) = short.strip_prefix(AS_IT_IS) {
        return body.to_owned();
    }
    // No piece has a control character, so none is taken for what stands for another.
    said.pieces().fold(short.to_owned(), |body, (short, piece)| body.replace(short, &piece))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn said(text: &str) -> Said<'_> {
        Said {
            id: MessageId::from_bytes(0x01a2_0a14_d8c9_75c1_9f48_59da_f0a0_00a3_u128.to_be_bytes()).unwrap(),
            sender: "+1234567890".parse().unwrap(),
            recipient: "+15551234567".parse().unwrap(),
            text,
        }
    }

    #[test]
    fn what_the_record_says_anyway_is_left_out() {
        let said = said("Say \"hello\" to +15551234567");
        let (from, to, id) = (said.sender, said.recipient, said.id);
        let text = r#"Say \"hello\" to +15551234567"#;
        let body = format!(
            r#"{{"from":"{from}","to":"{to}","text":"{text}","type":"SMS","webhook_url":"https://example.com/?m={id}"}}"#
        );
        let short = shorten(&body, &said);
        assert_eq!(short, "\u{5}\u{2}\u{6}\u{3}\u{7}\u{1}\u{8}\u{f}example.com/?m=\u{4}\u{10}");
        assert_eq!(restore(&short, &said), body);
    }

    proptest! {
        #[test]
        fn any_body_is_restored(
            text in prop_oneof![any::<String>(), "[a\"\\\\\u{1}\u{0}+1]{0,4}", Just("+1234567890".to_owned())],
            around in prop::collection::vec(any::<String>(), 4),
            is_json in any::<bool>(),
        ) {
            let said = said(&text);
            let body = if is_json {
                json!({ "text": text, "from": said.sender.to_string(), "any": around }).to_string()
            } else {
                around.join(&text)
            };
            prop_assert_eq!(restore(&shorten(&body, &said), &said), body);
        }
    }
}
