// Load reads the collector's settings: defaults, then the YAML file, then the environment.
func Load(path string, getenv func(string) string) (*Config, error) {
	cfg := &Config{
		Listen:        ":4318",
		FlushInterval: 10 * time.Second,
		QueueSize:     2048,
		LogLevel:      "info",
	}

	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// A collector may run on defaults alone.
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", path, err)
	default:
		dec := yaml.NewDecoder(bytes.NewReader(data))
		dec.KnownFields(true)
		if err := dec.Decode(cfg); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("parse %s: %w", path, err)
		}
	}

	if v := getenv("COLLECTOR_LISTEN"); v != "" {
		cfg.Listen = v
	}
	if v := getenv("COLLECTOR_QUEUE_SIZE"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			return nil, fmt.Errorf("COLLECTOR_QUEUE_SIZE: %w", err)
		}
		cfg.QueueSize = n
	}

	if cfg.QueueSize < 1 || cfg.QueueSize > 1<<20 {
		return nil, fmt.Errorf("queue size %d is out of range", cfg.QueueSize)
	}
	if cfg.FlushInterval < time.Second {
		return nil, errors.New("flush interval is below one second")
	}
	return cfg, nil
}
