module turtls/peer

go 1.24
