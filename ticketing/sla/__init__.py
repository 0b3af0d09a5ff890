"""SLA targets, typed events and timers: a timer is reckoned, not counted."""
