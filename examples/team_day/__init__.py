"""An engineering team's day: five services that know the bus, and not each other."""
