// Simulated time: models of what cards do by the clock. The event clock itself is not here yet (docs/cards.md).
export {
  flushedThroughput,
  flushProbability,
  largestLoss,
  publishedProbability,
} from './flush-model.js';
