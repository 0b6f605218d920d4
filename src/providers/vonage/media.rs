//! What kind of medium a URL leads to. Vonage wants to be told; all there is to tell by is the name.

use url::Url;

/// The types of an attachment (PROVIDERS.md §3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MediaType {
    Image,
    Audio,
    Video,
    Vcard,
    File,
}

impl MediaType {
    /// Vonage's word, as `message_type`, as `type`, and as the key of a single attachment.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Vcard => "vcard",
            Self::File => "file",
        }
    }

    /// By the extension of the URL's path. One that is not in the table, or none, is a file: that is
    /// the only type for which Vonage names no extensions, so it claims nothing that may turn out
    /// wrong. To the phone it is the same, as an MMS carries what the URL answered with.
    pub(super) fn of(url: &str) -> Self {
        let Ok(url) = Url::parse(url) else { return Self::File };
        let Some((_, extension)) = url.path().rsplit_once('.') else { return Self::File };
        let row = EXTENSIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(extension));
        row.map_or(Self::File, |(_, kind)| *kind)
    }
}

/// Extensions that Vonage names for a type of MMS. Sources: PROVIDERS.md §3.2, and
/// <https://developer.vonage.com/en/blog/what-can-i-do-with-mms>.
pub(super) const EXTENSIONS: &[(&str, MediaType)] = &[
    ("jpg", MediaType::Image),
    ("jpeg", MediaType::Image),
    ("png", MediaType::Image),
    ("gif", MediaType::Image),
    ("bmp", MediaType::Image),
    ("mp3", MediaType::Audio),
    ("mp4", MediaType::Video),
    ("vcf", MediaType::Vcard),
];
