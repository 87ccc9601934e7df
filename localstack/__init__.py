"""The local environment: an emulator of AWS, with the same app deployed onto it."""
