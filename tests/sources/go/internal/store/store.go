// Package store keeps alarms.
//
// It is safe for concurrent use.
package store

import (
	"context"
	"fmt"
	_ "embed"
	log "log/slog"

	"example.org/clock/v2/internal/clock"
	"github.com/acme/go-queue/v3"
)

// Alarm rings once.
type Alarm struct {
	ID   string `json:"id"`
	At   clock.Time // when it rings
	a, b int
}

type (
	// Filter tells which alarms to keep.
	Filter func(a *Alarm) bool

	// Store is what keeps alarms.
	Store interface {
		// Get finds one alarm.
		Get(ctx context.Context, id string) (*Alarm, error)
		fmt.Stringer
	}
)

// Memory is a Store in memory.
type Memory struct {
	*Locker
	clock.Ticker
	alarms map[string]*Alarm
	clock  *clock.Clock
	next   Store
}

type Locker struct{}

type Names = []string

// Pair of two.
type Pair[K comparable, V any] struct {
	Key K
	Val V
}

const limit = 10

var fallback = NewMemory(nil)

// NewMemory returns an empty store.
func NewMemory(c *clock.Clock) *Memory {
	return &Memory{clock: c, alarms: make(map[string]*Alarm, limit)}
}

// Get finds one alarm.
func (m *Memory) Get(ctx context.Context, id string) (*Alarm, error) {
	m.Lock()
	defer m.Unlock()
	m.clock.Now()
	if found, ok := m.alarms[id]; ok {
		return found, nil
	}
	if m.next != nil {
		return m.next.Get(ctx, id)
	}
	return nil, fmt.Errorf("no alarm %q", id)
}

func (m Memory) Each(keep Filter, more ...Filter) (n int, err error) {
	go func() {
		drain(m.alarms)
	}()
	return
}

func (l *Locker) Lock()   {}
func (l *Locker) Unlock() {}

func (p Pair[K, V]) Swap() Pair[V, K] { return Pair[V, K]{Key: p.Val, Val: p.Key} }

//go:generate stringer
func drain(alarms map[string]*Alarm) {
	log.Info("drained", queue.Len())
	store := NewMemory(nil)
	store.Get(context.TODO(), "x")
	fallback.Each(nil)
}
