module turtls.invalid/bench

go 1.24
