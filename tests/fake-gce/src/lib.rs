//! A fake Compute Engine.
