//! The picture that viewers see while the camera is gone.
