package exporter

import (
	"errors"
	"fmt"
	"os"
	"regexp"

	"github.com/goccy/go-yaml"
	"github.com/rs/zerolog"
)

// Refusal is why a start ends.
type Refusal struct {
	// Step is where: parse, logLevel, logFormat, validate, client, receivers.
	Step string
	Err  error
}

func (r *Refusal) Error() string { return r.Step + ": " + r.Err.Error() }

var metricsPrefix = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_:]*_$`)

// Expand does to the whole file what the start does first.
func Expand(text string, env map[string]string) string {
	return os.Expand(text, func(name string) string { return env[name] })
}

// Load goes through the start's steps up to the receivers, in the original's order.
func Load(text string, env map[string]string) (*Config, []Sink, error) {
	var config Config
	if err := yaml.Unmarshal([]byte(Expand(text, env)), &config); err != nil {
		return nil, nil, &Refusal{"parse", err}
	}
	if config.LogLevel != "" {
		if _, err := zerolog.ParseLevel(config.LogLevel); err != nil {
			return nil, nil, &Refusal{"logLevel", err}
		}
	}
	switch config.LogFormat {
	case "", "json", "pretty":
	default:
		return nil, nil, &Refusal{"logFormat", fmt.Errorf("unknown log format %q", config.LogFormat)}
	}
	if err := config.settle(); err != nil {
		return nil, nil, &Refusal{"validate", err}
	}
	sinks := make([]Sink, 0, len(config.Receivers))
	for i := range config.Receivers {
		sink, err := config.Receivers[i].Sink()
		if err != nil {
			return nil, nil, &Refusal{"receivers", fmt.Errorf("%s: %w", config.Receivers[i].Name, err)}
		}
		sinks = append(sinks, sink)
	}
	// What follows panics in the original: the clients and the cache are made by functions that must not fail.
	if config.KubeQPS > 0 && config.KubeBurst <= 0 {
		panic("burst is required to be greater than 0 when RateLimiter is not set and QPS is set to greater than 0")
	}
	if config.CacheSize < 0 {
		panic("cannot init cache: Must provide a positive size")
	}
	return &config, sinks, nil
}

// settle fills defaults and checks what the start checks.
func (c *Config) settle() error {
	if c.CacheSize == 0 {
		c.CacheSize = 1024
	}
	if c.KubeBurst == 0 {
		c.KubeBurst = 10
	}
	if c.KubeQPS == 0 {
		c.KubeQPS = 5
	}
	switch {
	case c.ThrottlePeriod != 0 && c.MaxEventAgeSeconds != 0:
		return errors.New("cannot set both throttlePeriod and maxEventAgeSeconds")
	case c.ThrottlePeriod != 0:
		c.MaxEventAgeSeconds = c.ThrottlePeriod
	case c.MaxEventAgeSeconds == 0:
		c.MaxEventAgeSeconds = 5
	}
	if c.MetricsNamePrefix != "" && !metricsPrefix.MatchString(c.MetricsNamePrefix) {
		return fmt.Errorf("metricsNamePrefix %q does not match %s", c.MetricsNamePrefix, metricsPrefix)
	}
	return nil
}
