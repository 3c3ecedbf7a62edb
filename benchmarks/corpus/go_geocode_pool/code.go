// GeocodeAll resolves addresses with a fixed number of workers. The result has the order of the input.
func GeocodeAll(ctx context.Context, geo Geocoder, addresses []string, workers int) ([]Point, error) {
	if workers < 1 {
		workers = runtime.NumCPU()
	}
	if workers > len(addresses) {
		workers = len(addresses)
	}

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	points := make([]Point, len(addresses))
	jobs := make(chan int)
	var wg sync.WaitGroup

	for w := 0; w < workers; w++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range jobs {
				p, err := geo.Lookup(ctx, addresses[i])
				if err != nil {
					cancel(fmt.Errorf("address %d: %w", i, err))
					return
				}
				points[i] = p
			}
		}()
	}

feed:
	for i := range addresses {
		select {
		case jobs <- i:
		case <-ctx.Done():
			break feed
		}
	}
	close(jobs)
	wg.Wait()

	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return points, nil
}
