//! Where the credentials come from, and how they are reloaded.

use super::{
    users,
    verifier::{LONG, Verifier},
};
use crate::net::{
    explain::Explain,
    secret_file::{self, Reload},
    token::Token,
};
use eyelet_hal::{Error, ErrorKind, Result};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// How often the files are checked for changes, at most.
const LOOK: Duration = Duration::from_secs(1);

/// Where credentials come from.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CredentialSources {
    /// A file with lines of `user:hash`, the hash of bcrypt or argon2.
    pub users: Option<PathBuf>,
    /// A token.
    pub token: Option<Token>,
    /// A file with a token, which counts more than `token`.
    pub token_file: Option<PathBuf>,
    /// Explains an error of the file of users.
    pub(crate) explain_users: Explain,
    /// Explains an error of the file with a token.
    pub(crate) explain_token: Explain,
}

impl CredentialSources {
    pub(super) fn is_empty(&self) -> bool {
        self.users.is_none() && self.token.is_none() && self.token_file.is_none()
    }

    fn files(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.users, &self.token_file].into_iter().flatten()
    }

    fn load(&self) -> Result<Verifier> {
        let users = self.users.as_deref().map(users::read).transpose().map_err(self.explain_users.0)?;
        let token = match self.token_file.as_deref() {
            Some(path) => Some(Token::read(path).map_err(self.explain_token.0)?),
            None => self.token.clone(),
        };
        if token.as_ref().is_some_and(|token| token.secret().len() < LONG) {
            tracing::warn!("the token is short and can be guessed; make one with: openssl rand -hex 16");
        }
        let mut key = [0; 32];
        getrandom::fill(&mut key)
            .map_err(|e| Error::new(ErrorKind::Other, format!("the system has no random numbers: {e}")))?;
        self.files().for_each(|path| secret_file::warn_of_others(path));
        Ok(Verifier::new(users.unwrap_or_default(), token.as_ref(), key))
    }
}

/// The credentials as of the last valid state of the files.
#[derive(Debug)]
pub(super) struct CredentialStore {
    sources: CredentialSources,
    reload: Reload,
    looked: Option<Duration>,
    verifier: Arc<Verifier>,
}

impl CredentialStore {
    pub(super) fn open(sources: CredentialSources) -> Result<Self> {
        let reload = Reload::new("credentials", sources.files().cloned().collect());
        let verifier = Arc::new(sources.load()?);
        Ok(Self { sources, reload, looked: None, verifier })
    }

    /// The verifier at `now`, a monotonic time.
    pub(super) fn current(&mut self, now: Duration) -> Arc<Verifier> {
        if self.looked.is_none_or(|looked| now.saturating_sub(looked) >= LOOK) {
            self.looked = Some(now);
            if let Some(verifier) = self.reload.load(now, || self.sources.load()) {
                self.verifier = Arc::new(verifier);
            }
        }
        Arc::clone(&self.verifier)
    }
}
