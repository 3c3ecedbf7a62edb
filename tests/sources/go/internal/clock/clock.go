package clock

import "time"

type Time = time.Time

// Clock tells the time.
type Clock struct{ now func() time.Time }

type Ticker struct{}

func (t Ticker) Tick() {}

// Now is the present time.
func (c *Clock) Now() time.Time { return c.now() }

func New() *Clock { return &Clock{now: time.Now} }
