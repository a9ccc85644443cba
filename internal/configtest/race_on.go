//go:build race

package configtest

const raceDetector = true
