//! Everything at once for a long time: viewers coming and going, slow ones among them, a camera that is pulled out,
//! an upload server that fails.

use crate::{
    book::{Book, OUTAGE, Span},
    questions::Questions,
    rate::{self, FPS, Rate},
    server::{Resources, Server},
    trial::until,
    uploads::Uploads,
    viewer::{Place, Sort, now},
};
use fastrand::Rng;
use std::{net::Ipv4Addr, path::Path, time::Duration};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

/// Places of viewers: the first are for honest viewers alone, and at the very first one stays from beginning to end.
const PLACES: u8 = 32;
const HONEST: u8 = 8;

/// How likely a frame is the last before the camera is pulled out (every 30 s on average), or the last before a
/// second of silence (every minute).
const UNPLUGGED: f64 = 1.0 / 900.0;
const SILENT: f64 = 1.0 / 1800.0;

/// Before anything is measured, all of it was used once.
const WARM_UP: Duration = Duration::from_secs(8);

/// An upload client that met failures waits up to 30 s before it tries again.
const RECOVERY: Duration = Duration::from_secs(90);

/// Runs for `length`; returns a line about what was seen.
pub(crate) async fn run(program: &Path, length: Duration, seed: u64) -> Result<String, String> {
    let mut rng = Rng::with_seed(seed);
    let book = Book::default();
    let uploads = Uploads::start(book.clone(), rng.fork()).await.map_err(|e| e.to_string())?;
    let server = Server::start(program, &flags(seed, &uploads)).await?;
    let questions = Questions::new(Ipv4Addr::new(127, 0, 1, 1), server.address, book.clone());
    let places: Vec<Place> = (0..PLACES)
        .map(|n| Place::new(Ipv4Addr::new(127, 0, 2, 1 + n), server.address, book.clone()))
        .collect();

    crowd(&places, &questions, &mut rng, Instant::now() + WARM_UP).await;
    questions.all().await;
    let before = rest(&server, &uploads).await?;

    uploads.fail();
    for place in &places {
        place.rate.take();
    }
    let (starved, begun) = (server.starved(), Instant::now());
    let end = begun + length;
    crowd(&places, &questions, &mut rng, end).await;
    let ended = now();
    let starved = server.starved().saturating_sub(starved).div_duration_f64(begun.elapsed());

    uploads.recover();
    let taken = uploads.tally().accepted.get();
    until(RECOVERY, "uploads do not recover", || uploads.tally().accepted.get() > taken + 3).await?;
    until_gone(&questions).await?;
    let after = server.returns_to(before, crate::SLACK_KIB).await?;
    counted(&questions, &uploads).await?;
    let unplugged = server.unplugged();
    server.stop().await?;

    let outages = book.outages(ended);
    excused(&book, &questions, &outages, ended);
    let rates: Vec<Rate> =
        places.iter().take(HONEST.into()).map(|place| place.rate.borrow().clone()).collect();
    let fps = rate::kept(&book, &rates, &outages, starved);
    plausible(&book, &outages, unplugged, length + WARM_UP);
    book.verdict()?;
    let counts = book.counts();
    let (accepted, failed) = (uploads.tally().accepted.get(), uploads.tally().failed.get());
    let (seconds, viewers, pictures, repeated) =
        (length.as_secs(), counts.viewers, counts.arrived, counts.repeated);
    let (gigabytes, requests, silences) = (counts.bytes as f64 / 1e9, counts.requests, outages.len());
    Ok(format!(
        "{seconds} s, seed {seed}: {viewers} viewers, {pictures} pictures ({repeated} repeated), {gigabytes:.1} GB, \
         none torn or out of order; honest viewers {fps}; {silences} outages, {unplugged} times unplugged; \
         {requests} other requests; uploads: {accepted} accepted, {failed} made to fail; \
         before: {before}; after: {after}; exit code 0"
    ))
}

fn flags(seed: u64, uploads: &Uploads) -> Vec<String> {
    [
        ("--fps", FPS.to_string()),
        ("--seed", seed.to_string()),
        ("--unplug-chance", UNPLUGGED.to_string()),
        ("--stall-chance", SILENT.to_string()),
        ("--corrupt-chance", "0.01".to_owned()),
        // Those who leave are gone when the server has noticed.
        ("--max-viewers", (2 * PLACES).to_string()),
        ("--upload", uploads.url()),
    ]
    .into_iter()
    .flat_map(|(flag, value)| [flag.to_owned(), value])
    .collect()
}

/// All places in use, and questions, until `end`.
async fn crowd(places: &[Place], questions: &Questions, rng: &mut Rng, end: Instant) {
    let mut all = JoinSet::new();
    for (index, place) in places.iter().cloned().enumerate() {
        let mut rng = rng.fork();
        if index == 0 {
            all.spawn_local(async move { place.viewer(Sort::Honest, &mut rng, end).await });
        } else if index < HONEST.into() {
            all.spawn_local(place.visited(|_| Sort::Honest, rng, end));
        } else {
            all.spawn_local(place.visited(Sort::any, rng, end));
        }
    }
    all.spawn_local(questions.clone().run(rng.fork(), end));
    while let Some(done) = all.join_next().await {
        if let Err(error) = done {
            questions.book.broken(format!("a viewer's task ended: {error}"));
        }
    }
}

/// What the server holds open without viewers while uploads go well: their connection is one of its files.
async fn rest(server: &Server, uploads: &Uploads) -> Result<Resources, String> {
    let taken = uploads.tally().accepted.get();
    until(RECOVERY, "nothing is uploaded", || uploads.tally().accepted.get() > taken + 3).await?;
    server.at_rest().await
}

async fn until_gone(questions: &Questions) -> Result<(), String> {
    let end = Instant::now() + RECOVERY;
    while questions.metric("eyelet_viewers").await? > 0 {
        if Instant::now() > end {
            return Err("viewers that are gone are still counted".to_owned());
        }
        sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// Its count of accepted pictures is ours; one may be under way.
async fn counted(questions: &Questions, uploads: &Uploads) -> Result<(), String> {
    let least = uploads.tally().accepted.get().saturating_sub(1);
    let counted = questions.metric("eyelet_upload_accepted_total").await?;
    let most = uploads.tally().accepted.get();
    let right = (least..=most).contains(&counted);
    right.then_some(()).ok_or_else(|| format!("{counted} uploads counted, {least} to {most} accepted"))
}

/// "There is no picture" is a true answer only around an outage.
fn excused(book: &Book, questions: &Questions, outages: &[Span], ended: f64) {
    for (refused, why) in questions.refused.borrow().iter() {
        // What begins so late has no time to show as an outage.
        if refused.from > ended - OUTAGE {
            continue;
        }
        // A stream's first picture after an outage comes as soon as a snapshot could.
        let around = Span { from: refused.from - 1.0, to: refused.to + 1.0 };
        if !outages.iter().any(|outage| outage.overlap(around) > 0.0) {
            book.broken(format!("503 at {:.1}, and no outage: {why}", refused.from));
        }
    }
}

/// Outages are those that were requested: each unplugging is one, and there are no more silences than chance gives.
fn plausible(book: &Book, outages: &[Span], unplugged: usize, length: Duration) {
    let mean = length.as_secs_f64() * FPS * SILENT;
    let most = unplugged as f64 + mean + 4.0 * mean.sqrt() + 2.0;
    let longest = outages.iter().map(|outage| outage.seconds()).fold(0.0, f64::max);
    if (outages.len() as f64) > most || longest > 10.0 {
        let number = outages.len();
        book.broken(format!("{number} outages, the longest {longest:.1} s; {unplugged} times unplugged"));
    }
}
