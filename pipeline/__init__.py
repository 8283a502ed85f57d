"""The live half of Brushstream: sources, engines and sinks, and the loop between them. Imports no torch."""
