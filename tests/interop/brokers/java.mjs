// What both Java brokers need: a Java 17 (or newer) on the path and memory bounds for a shared machine.
import { needCommand } from "./install.mjs";

/** Installs Debian's Java 17 runtime unless a java command is there. */
export function needJava(name) {
  return needCommand(name, ["java", "-version"], "openjdk-17-jre-headless");
}

/** Options of the Java machine: little memory, quick start. */
export const javaOptions = ["-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Djava.awt.headless=true"];
