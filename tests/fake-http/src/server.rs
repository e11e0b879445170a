//! Connections, and the handling of their requests.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::task::{JoinHandle, JoinSet};

use crate::{AnswerBody, runtime};

/// The outcome of a request.
#[derive(Debug)]
pub enum Outcome {
    /// An answer, whole or broken off.
    Answer(Response<AnswerBody>),
    /// The connection is reset.
    Reset,
    /// Nothing, ever.
    Hang,
}

/// Accepts connections until the returned task is aborted; then they close too. `answer` may block.
pub fn serve(
    listener: TcpListener,
    answer: impl Fn(&Parts, &Bytes) -> Outcome + Send + Sync + 'static,
) -> io::Result<JoinHandle<()>> {
    listener.set_nonblocking(true)?;
    let runtime = runtime()?;
    let entered = runtime.enter();
    let listener = tokio::net::TcpListener::from_std(listener)?;
    drop(entered);
    let answer = Arc::new(answer);
    Ok(runtime.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(connection(stream, Arc::clone(&answer)));
            while connections.try_join_next().is_some() {}
        }
    }))
}

async fn connection<A>(stream: tokio::net::TcpStream, answer: Arc<A>) -> io::Result<()>
where
    A: Fn(&Parts, &Bytes) -> Outcome + Send + Sync + 'static,
{
    let stream = stream.into_std()?;
    let handle = stream.try_clone()?;
    let stream = tokio::net::TcpStream::from_std(stream)?;
    let service = service_fn(|request| exchange(request, Arc::clone(&answer), &handle));
    // An error here is the trouble that the test asked for, or the client's end.
    hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await
        .map_err(io::Error::other)
}

async fn exchange<A>(
    request: Request<Incoming>,
    answer: Arc<A>,
    handle: &std::net::TcpStream,
) -> io::Result<Response<AnswerBody>>
where
    A: Fn(&Parts, &Bytes) -> Outcome + Send + Sync + 'static,
{
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    // In a separate task, because a lost client (a hook may have killed it) must not stop it halfway; a real
    // server continues too. Blocking, because hooks may block.
    let outcome = tokio::task::spawn_blocking(move || answer(&head, &body)).await;
    match outcome.map_err(io::Error::other)? {
        Outcome::Answer(answer) => Ok(answer),
        Outcome::Hang => std::future::pending().await,
        Outcome::Reset => {
            // A socket that closes without lingering sends RST, not FIN.
            SockRef::from(handle).set_linger(Some(Duration::ZERO))?;
            Err(io::Error::other("reset, as the test asked"))
        }
    }
}
