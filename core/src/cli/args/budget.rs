//! Flags for what all pictures together may take.

use crate::{cli::Failure, feed::Budget};
use clap::Args;
use eyelet_hal::Quality;
use std::num::NonZeroU32;

/// The lowest quality without `--quality-min`.
const QUALITY_MIN: u8 = 20;

/// The bit rate of `serve`.
#[derive(Clone, Debug, Args)]
pub struct BudgetArgs {
    /// Keep all pictures that leave the server within this many kbit/s: lower their quality, then their number
    #[arg(long, value_name = "N", value_parser = kbps)]
    pub max_kbps: Option<NonZeroU32>,
    /// The lowest quality for --max-kbps [default: 20, or --quality if that is lower]
    #[arg(long, value_name = "1..100")]
    pub quality_min: Option<Quality>,
}

fn kbps(text: &str) -> Result<NonZeroU32, &'static str> {
    text.parse().map_err(|_| "a whole number of kbit/s from 1 to 4294967295, such as 2000")
}

impl BudgetArgs {
    /// The budget that the flags ask for, if any; `most` is `--quality`.
    pub(in crate::cli) fn budget(&self, most: Quality) -> Result<Option<Budget>, Failure> {
        let Some(max_kbps) = self.max_kbps else {
            return match self.quality_min {
                None => Ok(None),
                Some(min) => Err(Failure::Usage(format!(
                    "--quality-min {min} has no effect without a bit budget; add --max-kbps, or use --quality"
                ))),
            };
        };
        if let Some(min) = self.quality_min.filter(|&min| min > most) {
            return Err(Failure::Usage(format!(
                "--quality-min {min} is above --quality {most}; lower the first or raise the second"
            )));
        }
        let default = Quality::new(QUALITY_MIN).map_or(most, |min| min.min(most));
        Ok(Some(Budget::new(max_kbps, self.quality_min.unwrap_or(default))))
    }
}
