"""The pure engine: no clock, disk or network; the same arguments always give the same decision."""
