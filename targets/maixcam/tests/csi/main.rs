//! The MaixCAM's built-in camera on a model of its driver.
