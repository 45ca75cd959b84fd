//! The body of a form with files (RFC 7578), small enough to be written here.

use uuid::Uuid;

/// A field of a form.
pub(super) struct Part<'a> {
    pub(super) name: &'a str,
    pub(super) file: Option<&'a str>,
    pub(super) kind: &'a str,
    pub(super) bytes: &'a [u8],
}

/// The content type, which names what parts the fields, and the body.
pub(super) fn form(parts: &[Part<'_>]) -> (String, Vec<u8>) {
    // 122 bits by chance: they stand in no picture.
    let boundary = format!("podometer-{}", Uuid::new_v4().simple());
    let mut body = Vec::new();
    for part in parts {
        let file = part
            .file
            .map(|file| format!("; filename=\"{}\"", escaped(file)));
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"{}\r\nContent-Type: {}\r\n\r\n",
            part.name,
            file.unwrap_or_default(),
            part.kind,
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(part.bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

/// As browsers write names of files.
fn escaped(name: &str) -> String {
    name.replace('"', "%22")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form() {
        let parts = [
            Part {
                name: "order",
                file: None,
                kind: "application/json",
                bytes: b"{}",
            },
            Part {
                name: "input",
                file: Some("a\"b.jpg"),
                kind: "image/jpeg",
                bytes: b"\xff\xd8",
            },
        ];
        let (kind, body) = form(&parts);
        let boundary = kind.split_once("boundary=").unwrap().1.to_owned();
        let text = String::from_utf8_lossy(&body).replace(&boundary, "B");
        insta::assert_snapshot!(text.replace('\r', ""));
    }
}
