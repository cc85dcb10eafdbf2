"""The host's library: files a device will take, cards made, corrected and exported. Knows no bench."""
