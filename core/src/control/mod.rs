//! Live control: what clients can change about a camera while it runs.

mod document;
mod request;
mod saved;
mod values;

pub(crate) use document::document;
pub(crate) use request::{Unreadable, Wanted, read};
pub(crate) use saved::Saver;

use crate::feed::{CameraSettings, CameraValues, Hub, Refusal};
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};
use values::{Checked, QUALITY};

/// How long a client waits for the camera, other clients' changes included. Most take a moment, another size as long as the
/// camera needs to start.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a client waits for values that may be newer than those that are known.
const NEWS: Duration = Duration::from_secs(1);

/// Has the camera list its values anew, which it may have changed itself, as may have another program. Those who listen hear of
/// it if one is different.
pub(crate) async fn refresh(hub: &Hub) {
    let settings = &hub.settings;
    if !settings.with_camera(|camera| camera.is_some_and(CameraSettings::has_own)) {
        return;
    }
    // After a change they are listed anyway.
    if let Ok(_turn) = settings.live.turn.try_lock() {
        let _ = timeout(NEWS, settings.live.requests.ask(CameraValues::default(), None)).await;
    }
}

/// Changes all that is wanted, or nothing. `now` is on the monotonic clock.
pub(crate) async fn change(hub: &Hub, wanted: &Wanted, now: Duration) -> Result<(), Refusal> {
    let settings = &hub.settings;
    let end = Instant::now() + PATIENCE;
    let Ok(_turn) = timeout_at(end, settings.live.turn.lock()).await else { return Err(unanswered()) };
    // What the camera can change is not known while it is gone.
    let gone = || hub.status.snapshot(now).camera.map_err(Refusal::Unavailable);
    let (checked, is_known) =
        settings.with_camera(|camera| (values::check(camera, wanted), camera.is_some()));
    let Checked { quality, changes } = match checked {
        Ok(checked) => checked,
        Err(errors) => {
            if !is_known && !errors.contains_key(QUALITY) {
                gone()?;
            }
            return Err(Refusal::Wrong(errors));
        }
    };
    if !changes.is_empty() {
        gone()?;
        let mut answer = settings.live.requests.ask(changes, quality);
        if let Ok(answer) = timeout_at(end, &mut answer).await {
            return answer.map_err(|_| Refusal::Unavailable("the camera has stopped".to_owned()))?;
        }
        // From here on nothing is changed; what was changed before has its answer here.
        answer.close();
        return answer.try_recv().unwrap_or_else(|_| Err(unanswered()));
    }
    // This needs no camera.
    if let Some(quality) = quality {
        settings.set_quality(quality);
    }
    Ok(())
}

fn unanswered() -> Refusal {
    Refusal::Unavailable(format!("the camera has not answered for {PATIENCE:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyelet_hal::{Control, ControlKind, PixelFormat, StreamFormat};

    const NOW: Duration = Duration::ZERO;

    fn hub() -> Hub {
        let hub = Hub::default();
        hub.status.connected("test", StreamFormat::new(PixelFormat::Grey, 4, 2).unwrap());
        let controls = vec![Control::new("auto", ControlKind::Boolean, 0, Some(0))];
        hub.settings.set_camera(Some(CameraSettings { compressed: false, controls, modes: None }));
        hub
    }

    async fn set(hub: &Hub, json: &str) -> Result<(), Refusal> {
        change(hub, &read("application/json", json.as_bytes()).unwrap(), NOW).await
    }

    #[tokio::test(start_paused = true)]
    async fn camera_that_does_not_answer_is_not_waited_for_for_ever_and_changes_nothing_later() {
        let hub = hub();
        let refused = set(&hub, r#"{"auto":true,"quality":30}"#).await.unwrap_err();
        assert_eq!(refused, Refusal::Unavailable("the camera has not answered for 10s".to_owned()));
        assert_eq!(hub.settings.quality().get(), 80);
        assert!(hub.settings.live.requests.take().is_none(), "it finds no request when it comes back");
        assert_eq!(set(&hub, r#"{"quality":30}"#).await, Ok(()), "which needs no camera");
    }

    #[tokio::test]
    async fn lost_camera_is_not_asked() {
        let hub = hub();
        hub.status.lost("unplugged");
        let gone = Err(Refusal::Unavailable("unplugged".to_owned()));
        assert_eq!(set(&hub, r#"{"auto":true}"#).await, gone);
        hub.settings.set_camera(None);
        assert_eq!(set(&hub, r#"{"auto":true}"#).await, gone);
        assert!(matches!(set(&hub, r#"{"quality":0}"#).await, Err(Refusal::Wrong(_))));
    }
}
