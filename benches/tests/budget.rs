//! The bit budget with the real encoder and drawn scenes, in simulated time.

#[path = "../examples/budget/run.rs"]
mod run;

use eyelet_hal::{PixelFormat, StreamFormat};
use eyelet_sim::{camera::SimConfig, scene::Scene};
use run::{Script, used};

fn script(scene: Scene, pixel: PixelFormat, max_kbps: u32, quality_min: u8) -> Script {
    let mut camera = SimConfig::default();
    (camera.scene, camera.format) = (scene, StreamFormat::new(pixel, 320, 240).unwrap());
    Script { camera, max_kbps, quality: 80, quality_min, viewers: 1, seconds: 30.0 }
}

#[test]
fn budget_is_kept_within_a_tenth_two_seconds_after_the_scene_turns_and_is_used() {
    for (quality_min, viewers) in [(60, 1), (10, 1), (60, 2)] {
        let mut script = script(Scene::Changing, PixelFormat::Nv12, 5000 * viewers, quality_min);
        script.viewers = viewers as usize;
        let sent = run::run(&script).unwrap();
        for (from, to) in [(0.0, 10.0), (12.0, 20.0), (22.0, 30.0)] {
            let (_, most) = used(&script, &sent, from, to, 1.0);
            assert!(most <= 1.1, "{viewers} viewers, {from} to {to} s: {most}");
        }
        let (least, _) = used(&script, &sent, 12.0, 20.0, 1.0);
        assert!(least >= 0.8, "quality {quality_min} at least: {least}");
        let quality = |from: f64, to: f64| {
            sent.iter().filter(move |sent| (from..to).contains(&sent.at)).map(|sent| sent.quality.unwrap())
        };
        let still: Vec<_> = quality(1.0, 10.0).chain(quality(28.0, 30.0)).collect();
        assert!(still.iter().all(|&quality| quality == 80), "{still:?}");
        assert!(quality(11.0, 20.0).all(|quality| (quality_min..70).contains(&quality)));
    }
}

#[test]
fn landscape_keeps_its_frame_rate_at_a_lower_quality() {
    let script = script(Scene::Detail, PixelFormat::Yuyv, 1500, 10);
    let sent = run::run(&script).unwrap();
    let (least, most) = used(&script, &sent, 2.0, 30.0, 1.0);
    assert!(least >= 0.8 && most <= 1.1, "{least} to {most}");
    let pictures = sent.iter().filter(|sent| sent.at > 2.0 && sent.at < 30.0).count();
    assert!(pictures >= 28 * 30 - 10, "{pictures}");
}

#[test]
fn jpegs_of_a_camera_become_fewer() {
    let script = script(Scene::Noise, PixelFormat::Jpeg, 4000, 10);
    let sent = run::run(&script).unwrap();
    let (least, most) = used(&script, &sent, 2.0, 30.0, 1.0);
    assert!(least >= 0.8 && most <= 1.1, "{least} to {most}");
    assert!(sent.iter().skip(1).all(|sent| sent.quality.is_none()));
}
