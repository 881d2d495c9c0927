package main

import "tidings/e2e/oracle/exporter"

// What was understood of a file, in a form that the other side can make too. Empty parts are left out.
type (
	normalConfig struct {
		LogLevel          string           `json:"logLevel,omitempty"`
		LogFormat         string           `json:"logFormat,omitempty"`
		MaxAge            int64            `json:"maxEventAgeSeconds"`
		ClusterName       string           `json:"clusterName,omitempty"`
		Namespace         string           `json:"namespace,omitempty"`
		LeaderElection    bool             `json:"leaderElection,omitempty"`
		LeaderElectionID  string           `json:"leaderElectionID,omitempty"`
		KubeQPS           float32          `json:"kubeQPS"`
		KubeBurst         int              `json:"kubeBurst"`
		MetricsNamePrefix string           `json:"metricsNamePrefix,omitempty"`
		OmitLookup        bool             `json:"omitLookup,omitempty"`
		CacheSize         int              `json:"cacheSize"`
		Route             normalRoute      `json:"route"`
		Receivers         []normalReceiver `json:"receivers"`
	}
	normalRoute struct {
		Drop   []normalRule  `json:"drop,omitempty"`
		Match  []normalRule  `json:"match,omitempty"`
		Routes []normalRoute `json:"routes,omitempty"`
	}
	normalRule struct {
		Message     string            `json:"message,omitempty"`
		APIVersion  string            `json:"apiVersion,omitempty"`
		Kind        string            `json:"kind,omitempty"`
		Namespace   string            `json:"namespace,omitempty"`
		Reason      string            `json:"reason,omitempty"`
		Type        string            `json:"type,omitempty"`
		Component   string            `json:"component,omitempty"`
		Host        string            `json:"host,omitempty"`
		Labels      map[string]string `json:"labels,omitempty"`
		Annotations map[string]string `json:"annotations,omitempty"`
		MinCount    int32             `json:"minCount,omitempty"`
		Receiver    string            `json:"receiver,omitempty"`
	}
	normalReceiver struct {
		Name   string `json:"name"`
		Kind   string `json:"kind"`
		Layout any    `json:"layout,omitempty"`
		DeDot  bool   `json:"deDot,omitempty"`
		// Headers and texts are templates too.
		Headers map[string]string `json:"headers,omitempty"`
		Texts   []string          `json:"texts,omitempty"`
	}
)

func normal(config *exporter.Config, sinks []exporter.Sink) normalConfig {
	receivers := make([]normalReceiver, 0, len(sinks))
	for i, sink := range sinks {
		receiver := normalReceiver{
			Name:    config.Receivers[i].Name,
			Kind:    sink.Kind,
			DeDot:   sink.DeDot,
			Headers: sink.Headers,
			Texts:   sink.Texts,
		}
		if sink.Layout != nil {
			receiver.Layout = sink.Layout
		}
		receivers = append(receivers, receiver)
	}
	return normalConfig{
		LogLevel:          config.LogLevel,
		LogFormat:         config.LogFormat,
		MaxAge:            config.MaxEventAgeSeconds,
		ClusterName:       config.ClusterName,
		Namespace:         config.Namespace,
		LeaderElection:    config.LeaderElection.Enabled,
		LeaderElectionID:  config.LeaderElection.LeaderElectionID,
		KubeQPS:           config.KubeQPS,
		KubeBurst:         config.KubeBurst,
		MetricsNamePrefix: config.MetricsNamePrefix,
		OmitLookup:        config.OmitLookup,
		CacheSize:         config.CacheSize,
		Route:             normalNode(config.Route),
		Receivers:         receivers,
	}
}

func normalNode(route exporter.Route) normalRoute {
	node := normalRoute{Drop: normalRules(route.Drop), Match: normalRules(route.Match)}
	for _, child := range route.Routes {
		node.Routes = append(node.Routes, normalNode(child))
	}
	return node
}

func normalRules(rules []exporter.Rule) []normalRule {
	normal := make([]normalRule, 0, len(rules))
	for _, rule := range rules {
		normal = append(normal, normalRule{
			Message:     rule.Message,
			APIVersion:  rule.APIVersion,
			Kind:        rule.Kind,
			Namespace:   rule.Namespace,
			Reason:      rule.Reason,
			Type:        rule.Type,
			Component:   rule.Component,
			Host:        rule.Host,
			Labels:      rule.Labels,
			Annotations: rule.Annotations,
			MinCount:    rule.MinCount,
			Receiver:    rule.Receiver,
		})
	}
	return normal
}
