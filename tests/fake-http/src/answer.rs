//! The answers of the fake.

use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use crate::{AnswerBody, whole};

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub text: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Answer {
    /// An answer of this content type; one that is no header is left out.
    #[must_use]
    pub fn new(status: u16, kind: &str, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), headers: Vec::new() }.with_header(CONTENT_TYPE, kind)
    }

    /// With one more header; a value that is none is left out.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// The answer, whole.
    #[must_use]
    pub fn whole(self) -> Response<AnswerBody> {
        let text = whole(&self.text);
        self.into_response(text)
    }

    /// The answer with another body.
    #[must_use]
    pub fn into_response(self, body: AnswerBody) -> Response<AnswerBody> {
        let mut response = Response::new(body);
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().extend(self.headers);
        response
    }
}
