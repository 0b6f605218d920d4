use std::io::Cursor;

use serde_json::json;

use super::*;

fn source(format: Format, text: &str) -> Result<Source, BadFile> {
    Source::new(Path::new("file"), format, None, Box::new(Cursor::new(text.as_bytes().to_vec())))
}

/// Every record as its line and its fields.
fn all(format: Format, text: &str) -> Vec<(u64, Result<Value, String>)> {
    let mut source = source(format, text).unwrap();
    let mut records = Vec::new();
    while let Some(record) = source.next().unwrap() {
        assert_eq!(record.place, records.len() as u64 + 1);
        records.push((record.line, record.fields.map(Value::from)));
    }
    records
}

#[test]
fn a_csv_file_is_the_fields_of_a_message_in_each_line() {
    let text = "\u{feff}from_phone_number,to_phone_number,message,media_urls,queue,_note,client_reference,metadata\n\
                +1234567890,+1555123456,\"Hello, \"\"you\"\"\nand you\",,,x,,\n\
                +1234567890,+1555123457,Hi,http://a/1.png http://a/2.png,No,,7,\"{\"\"a\"\":1}\"\n";
    let expected = [
        (
            2,
            json!({ "from_phone_number": "+1234567890", "to_phone_number": "+1555123456",
                    "message": "Hello, \"you\"\nand you" }),
        ),
        (
            4,
            json!({ "from_phone_number": "+1234567890", "to_phone_number": "+1555123457", "message": "Hi",
                    "media_urls": ["http://a/1.png", "http://a/2.png"], "queue": false,
                    "client_reference": "7", "metadata": { "a": 1 } }),
        ),
    ];
    assert_eq!(all(Format::Csv, text), expected.map(|(line, fields)| (line, Ok(fields))));
}

#[test]
fn a_bad_line_spoils_no_other() {
    let text = "from_phone_number,to_phone_number,message\n+1,+2\n+1,+2,three\n";
    let records = all(Format::Csv, text);
    assert!(records[0].1.as_ref().unwrap_err().contains("2 columns"), "{records:?}");
    assert_eq!(records[1].1.as_ref().unwrap()["message"], "three");

    let records = all(Format::Ndjson, "{\"message\":1\n\n[]\n{\"message\":\"three\",\"_x\":1}");
    let lines: Vec<u64> = records.iter().map(|record| record.0).collect();
    assert_eq!(lines, [1, 3, 4]);
    assert!(records[0].1.is_err() && records[1].1.is_err());
    assert_eq!(records[2].1, Ok(json!({ "message": "three" })));
}

#[test]
fn a_file_that_is_no_list_of_messages_is_refused_whole() {
    let refused = |text: &str| source(Format::Csv, text).err().unwrap().to_string();
    assert!(refused("from,to,text\n").contains("unknown column \"from\""));
    assert!(refused("from_phone_number,message\n").contains("no column to_phone_number"));
    assert!(refused("").contains("no column from_phone_number"));
    // Which of the two numbers were meant?
    let twice = refused("from_phone_number,to_phone_number,message,to_phone_number\n+1,+2,hi,+3\n");
    assert!(twice.contains("the column to_phone_number is named twice"), "{twice}");
    assert!(source(Format::Csv, "from_phone_number,to_phone_number,message,_x,_x\n").is_ok());
}

#[test]
fn a_field_that_stands_twice_in_a_line_is_not_decided_by_chance() {
    let text =
        "\u{feff}{\"to_phone_number\":\"+1\"}\n{\"to_phone_number\":\"+1\",\"to_phone_number\":\"+2\"}\n";
    let records = all(Format::Ndjson, text);
    assert_eq!(records[0].1, Ok(json!({ "to_phone_number": "+1" })), "the mark of a file is no text");
    let refused = records[1].1.as_ref().unwrap_err();
    assert!(refused.contains("\"to_phone_number\" is given twice"), "{refused}");
}

#[test]
fn a_quote_that_is_never_closed_does_not_fill_the_memory() {
    let text = format!("from_phone_number,to_phone_number,message\n+1,+2,\"{}", "x,\n".repeat(LONGEST));
    let mut source = source(Format::Csv, &text).unwrap();
    assert!(matches!(source.next(), Err(BadFile::Endless { line: 2, .. })));
    let mut source = self::source(Format::Ndjson, &"x".repeat(LONGEST + 1)).unwrap();
    assert!(matches!(source.next(), Err(BadFile::Endless { line: 1, .. })));
}

#[test]
fn the_sender_of_the_command_line_is_for_lines_that_name_none() {
    let text = "to_phone_number,message\n+2,hi\n";
    let bytes = Box::new(Cursor::new(text.as_bytes().to_vec()));
    let mut source = Source::new(Path::new("file"), Format::Csv, Some("+1".to_owned()), bytes).unwrap();
    assert_eq!(source.next().unwrap().unwrap().fields.unwrap()["from_phone_number"], "+1");
}
