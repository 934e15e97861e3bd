package main

import (
	"encoding/json"
	"os"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

type point struct {
	Attributes map[string]string `json:"attributes"`
	Value      int64             `json:"value"` // of a counter
	Count      uint64            `json:"count"` // of a histogram, from here on
	Sum        float64           `json:"sum"`
	Bounds     []float64         `json:"bounds"`
	Buckets    []uint64          `json:"buckets"`
}

type series struct {
	Description string  `json:"description"`
	Unit        string  `json:"unit"`
	Kind        string  `json:"kind"`
	Points      []point `json:"points"`
}

func words(set attribute.Set) map[string]string {
	found := map[string]string{}
	for _, pair := range set.ToSlice() {
		found[string(pair.Key)] = pair.Value.AsString()
	}
	return found
}

func histogram[Number int64 | float64](from metricdata.Histogram[Number]) (points []point) {
	for _, each := range from.DataPoints {
		points = append(points, point{words(each.Attributes), 0, each.Count, float64(each.Sum), each.Bounds, each.BucketCounts})
	}
	return
}

func write(path string, read metricdata.ResourceMetrics) {
	all := map[string]series{}
	for _, scope := range read.ScopeMetrics {
		for _, metric := range scope.Metrics {
			one := series{Description: metric.Description, Unit: metric.Unit}
			switch data := metric.Data.(type) {
			case metricdata.Sum[int64]:
				one.Kind = "sum"
				for _, each := range data.DataPoints {
					one.Points = append(one.Points, point{Attributes: words(each.Attributes), Value: each.Value})
				}
			case metricdata.Histogram[int64]:
				one.Kind, one.Points = "histogram", histogram(data)
			case metricdata.Histogram[float64]:
				one.Kind, one.Points = "histogram", histogram(data)
			}
			all[metric.Name] = one
		}
	}
	text, err := json.Marshal(all)
	check(err)
	check(os.WriteFile(path, text, 0o644))
}
