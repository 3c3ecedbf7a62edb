package main

import (
	"context"

	"example.org/clock/v2/internal/clock"
	"example.org/clock/v2/internal/store"
)

func main() {
	c := clock.New()
	s := store.NewMemory(c)
	s.Get(context.Background(), "morning")
	s.Tick()
	run(s)
}

func run(s store.Store) {
	s.Get(context.Background(), "evening")
}
