//! What a handler is asked.

use super::Reply;
use bytes::Bytes;
use hyper::HeaderMap;
use serde::de::DeserializeOwned;
use std::net::IpAddr;

/// A request for a route of the application's own, with its whole body.
#[derive(Clone, Debug)]
pub struct Request {
    path: String,
    query: String,
    headers: HeaderMap,
    body: Bytes,
    client: Option<IpAddr>,
}

impl Request {
    pub(super) fn new(
        path: String,
        query: String,
        headers: HeaderMap,
        body: Bytes,
        client: Option<IpAddr>,
    ) -> Self {
        Self { path, query, headers, body, client }
    }

    /// The path, as the route has it: without a base path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The value of `name` in the query (`?name=value`), decoded; the last one if there are several. `None` also if it is no
    /// UTF-8.
    pub fn query(&self, name: &str) -> Option<String> {
        let value = super::super::target::parameter(&self.query, name)?;
        String::from_utf8(crate::net::credentials::decoded(&value.replace('+', " "))?).ok()
    }

    /// A header, if it is there and of visible ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body. Cloning it copies nothing.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// An answer with status 400 and the reason, to be returned.
    ///
    /// ```
    /// use eyelet_core::http::{Reply, Request};
    /// fn add(request: &Request) -> Result<Reply, Reply> {
    ///     let numbers: Vec<f64> = request.json()?;
    ///     Ok(Reply::json(&numbers.iter().sum::<f64>()))
    /// }
    /// ```
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Reply> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Reply::text(format!("the body is not the JSON that is expected here: {error}\n")).with_status(400)
        })
    }

    /// The client's address, which a trusted proxy names; `None` by a Unix socket.
    pub fn client(&self) -> Option<IpAddr> {
        self.client
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_is_decoded() {
        let query = "name=a%20b+c&x=%ff&empty=&name2";
        let request = Request::new(String::new(), query.to_owned(), HeaderMap::new(), Bytes::new(), None);
        assert_eq!(request.query("name").as_deref(), Some("a b c"));
        assert_eq!(request.query("empty").as_deref(), Some(""));
        assert_eq!((request.query("x"), request.query("name2"), request.query("y")), (None, None, None));
    }
}
